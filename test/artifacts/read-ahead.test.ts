import { describe, expect, it } from 'vitest';

import { readAhead } from '../../src/artifacts/read-ahead.ts';

type Handler = Parameters<ReturnType<typeof readAhead>>[1];
type Controller = Parameters<NonNullable<Handler['onResponseStart']>>[0];

describe('readAhead', () => {
  it('asks nobody to pause, and hands on what has come when the reader goes on', () => {
    const { connection, told, reader } = open();
    connection.onResponseStart?.(reader.given, 200, {});
    connection.onResponseData?.(reader.given, Buffer.from('a'));
    connection.onResponseData?.(reader.given, Buffer.from('b'));
    connection.onResponseEnd?.(reader.given, {});
    expect(told).toEqual(['start 200', 'data a']);
    reader.resume();
    expect(told).toEqual(['start 200', 'data a', 'data b']);
    reader.resume();
    expect(told).toEqual(['start 200', 'data a', 'data b', 'end']);
    expect(reader.pauses).toBe(0);
  });

  it('tells of a broken connection behind what came before it', () => {
    const { connection, told, reader } = open();
    connection.onResponseStart?.(reader.given, 200, {});
    connection.onResponseData?.(reader.given, Buffer.from('a'));
    connection.onResponseData?.(reader.given, Buffer.from('b'));
    connection.onResponseError?.(reader.given, new Error('reset'));
    reader.resume();
    reader.resume();
    expect(told).toEqual(['start 200', 'data a', 'data b', 'error reset']);
  });

  it('keeps nothing for a reader that wants no more', () => {
    const { connection, told, reader } = open();
    connection.onResponseStart?.(reader.given, 200, {});
    connection.onResponseData?.(reader.given, Buffer.from('a'));
    connection.onResponseData?.(reader.given, Buffer.from('b'));
    reader.abort();
    connection.onResponseError?.(reader.given, new Error('aborted'));
    expect(told).toEqual(['start 200', 'data a', 'error aborted']);
  });

  it('tells of a connection that did not come about', () => {
    const told: string[] = [];
    let connection: Handler = {};
    readAhead((_, handler) => Boolean((connection = handler)))(request, {
      onResponseError: (_, error) => told.push(error.message),
    });
    // as undici does it then
    connection.onResponseError?.(undefined as unknown as Controller, new Error('refused'));
    expect(told).toEqual(['refused']);
  });
});

const request = { path: '/', method: 'GET' } as const;

/** A request whose reader pauses after each piece. */
function open() {
  const told: string[] = [];
  let connection: Handler = {};
  let own: Controller | undefined;
  readAhead((_, handler) => Boolean((connection = handler)))(request, {
    onRequestStart: (controller) => {
      own = controller;
    },
    onResponseStart: (_, status) => told.push(`start ${status}`),
    onResponseData: (controller, chunk) => {
      told.push(`data ${chunk.toString()}`);
      controller.pause();
    },
    onResponseEnd: () => told.push('end'),
    onResponseError: (_, error) => told.push(`error ${error.message}`),
  });
  const reader = {
    pauses: 0,
    given: {
      aborted: false,
      paused: false,
      reason: null,
      abort: () => {
        reader.given.aborted = true;
      },
      pause: () => {
        reader.pauses += 1;
      },
      resume: () => undefined,
    },
    resume: () => own?.resume(),
    abort: () => own?.abort(new Error('enough')),
  };
  connection.onRequestStart?.(reader.given, {});
  return { connection, told, reader };
}
