/**
 * What goes through the byte stream between knest and a helper on a host: frames, and on top of them any number of
 * streams with back-pressure. Both ends use the same code.
 *
 * A frame is two lengths (32 bit, big-endian), a header in JSON and a payload in bytes.
 */

import { Readable, Writable } from 'node:stream';

/** Header of a frame. What belongs to one of the streams has its number. */
export interface Header {
  type: string;
  id: number;
  [field: string]: unknown;
}

/** Largest payload of one frame: others get their turn soon. */
const largestChunk = 64 * 1024;
/** Bytes of a stream that may be on their way before its reader has taken any. */
const window = 1024 * 1024;

/** Puts frames together out of pieces of any length. */
export function frameReader(onFrame: (header: Header, payload: Buffer) => void): (piece: Buffer) => void {
  let pieces: Buffer[] = [];
  let length = 0;
  let needed = 8;
  return (piece) => {
    pieces.push(piece);
    length += piece.length;
    if (length < needed) return;
    let buffer = pieces.length === 1 ? piece : Buffer.concat(pieces);
    for (;;) {
      if (buffer.length < 8) break;
      const [headerLength, payloadLength] = [buffer.readUInt32BE(0), buffer.readUInt32BE(4)];
      const end = 8 + headerLength + payloadLength;
      if (buffer.length < end) break;
      const header = JSON.parse(buffer.toString('utf8', 8, 8 + headerLength)) as Header;
      onFrame(header, buffer.subarray(8 + headerLength, end));
      buffer = buffer.subarray(end);
    }
    needed = buffer.length < 8 ? 8 : 8 + buffer.readUInt32BE(0) + buffer.readUInt32BE(4);
    pieces = [buffer];
    length = buffer.length;
  };
}

export function encodeFrame(header: Header, payload: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(text.length, 0);
  lengths.writeUInt32BE(payload.length, 4);
  return Buffer.concat([lengths, text, payload]);
}

/** The streams of one end. */
export interface Streams {
  /** What is written here comes out of `readable` with the same number at the other end. */
  writable(id: number): Writable;
  readable(id: number): Readable;
  /** @returns whether the frame was one of a stream */
  receive(header: Header, payload: Buffer): boolean;
  /** Nothing comes any more: all streams fail with this. */
  fail(error: Error): void;
}

export interface StreamOptions {
  send: (header: Header, payload?: Uint8Array) => void;
  /** Errors of streams cross over, too. */
  encodeError: (error: unknown) => unknown;
  decodeError: (value: unknown) => Error;
}

interface Outgoing {
  stream: Writable;
  addCredit: (bytes: number) => void;
}

interface Incoming {
  stream: Readable;
  add: (chunk: Buffer | null) => void;
}

export function openStreams(options: StreamOptions): Streams {
  const outgoing = new Map<number, Outgoing>();
  const incoming = new Map<number, Incoming>();
  return {
    writable: (id) => {
      const made = outgoingStream(id, options, () => outgoing.delete(id));
      outgoing.set(id, made);
      return made.stream;
    },
    readable: (id) => {
      const made = incomingStream(id, options, () => incoming.delete(id));
      incoming.set(id, made);
      return made.stream;
    },
    receive: ({ type, id, ...fields }, payload) => {
      switch (type) {
        case 'chunk':
          incoming.get(id)?.add(payload);
          return true;
        case 'end':
          incoming.get(id)?.add(null);
          return true;
        case 'broken':
          incoming.get(id)?.stream.destroy(options.decodeError(fields['error']));
          return true;
        case 'credit':
          outgoing.get(id)?.addCredit(Number(fields['bytes']));
          return true;
        case 'unwanted':
          outgoing.get(id)?.stream.destroy();
          return true;
        default:
          return false;
      }
    },
    fail: (error) => {
      for (const { stream } of [...outgoing.values(), ...incoming.values()]) {
        // who still reads or writes hears of it; nobody else has to
        stream.on('error', () => undefined);
        stream.destroy(error);
      }
    },
  };
}

function outgoingStream(id: number, { send, encodeError }: StreamOptions, onClose: () => void): Outgoing {
  let credit = window;
  let waiting: (() => void) | undefined;
  let finished = false;
  const sendAll = (chunk: Buffer, done: () => void): void => {
    let rest = chunk;
    while (rest.length > 0) {
      if (credit <= 0) {
        waiting = () => {
          sendAll(rest, done);
        };
        return;
      }
      const piece = rest.subarray(0, Math.min(largestChunk, credit));
      credit -= piece.length;
      send({ type: 'chunk', id }, piece);
      rest = rest.subarray(piece.length);
    }
    done();
  };
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      sendAll(chunk, done);
    },
    final: (done) => {
      finished = true;
      send({ type: 'end', id });
      done();
    },
    destroy: (error, done) => {
      if (!finished) send({ type: 'broken', id, error: encodeError(error ?? new Error('closed')) });
      onClose();
      done(error);
    },
  });
  const addCredit = (bytes: number): void => {
    credit += bytes;
    const go = waiting;
    waiting = undefined;
    go?.();
  };
  return { stream, addCredit };
}

function incomingStream(id: number, { send }: StreamOptions, onClose: () => void): Incoming {
  const queue: (Buffer | null)[] = [];
  let wanted = false;
  let ended = false;
  const flow = (): void => {
    while (wanted && queue.length > 0) {
      const chunk = queue.shift() ?? null;
      if (chunk === null) {
        stream.push(null);
        return;
      }
      wanted = stream.push(chunk);
      send({ type: 'credit', id, bytes: chunk.length });
    }
  };
  const stream = new Readable({
    read: () => {
      wanted = true;
      flow();
    },
    destroy: (error, done) => {
      if (!ended) send({ type: 'unwanted', id });
      onClose();
      done(error);
    },
  });
  const add = (chunk: Buffer | null): void => {
    if (chunk === null) ended = true;
    queue.push(chunk);
    flow();
  };
  return { stream, add };
}
