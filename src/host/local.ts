import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { errorWithCode } from './error-codes.ts';
import { localFiles } from './local-files.ts';
import { run, spawn } from './local-processes.ts';
import { identifyProcess } from './process.ts';
import type { Host } from './types.ts';

/** The host that knest itself runs on. */
export function localHost(): Host {
  return {
    ...localFiles,
    name: 'localhost',
    identity: async () => {
      const me = await identifyProcess(localFiles, process.pid);
      if (!me) throw new Error('/proc does not show this process');
      return me;
    },
    run,
    spawn,
    connect: connectTcp,
    close: () => Promise.resolve(),
  };
}

function connectTcp(
  address: string,
  port: number,
  { timeout, signal }: { timeout?: number; signal?: AbortSignal } = {},
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect({ host: address, port });
    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', fail);
    };
    const fail = (error: unknown): void => {
      settle();
      // what comes later is nobody's any more
      socket.on('error', () => undefined);
      socket.destroy();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as AbortSignal.throwIfAborted
      reject(error);
    };
    const onAbort = (): void => {
      fail(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeout !== undefined) {
      timer = setTimeout(() => {
        fail(errorWithCode('ETIMEDOUT', `no connection to ${address} port ${port} within ${timeout} ms`));
      }, timeout);
    }
    socket.once('error', fail);
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
  });
}
