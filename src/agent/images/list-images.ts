import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';

import { fieldsOf } from './protobuf.ts';

/** An image as the kubelet sees it. */
export interface NodeImage {
  /** Digest of its configuration, which the same image has everywhere: "sha256:...". */
  id: string;
  /** "docker.io/library/busybox:1" */
  tags: string[];
  /** "docker.io/library/busybox@sha256:..." */
  digests: string[];
  /** Bytes, as it is stored: layers compressed, unless they came uncompressed. */
  size: number;
}

/**
 * What the container runtime has, asked as the kubelet asks it (kubernetes/cri-api, runtime/v1/api.proto). `ctr` prints
 * tables and knows nothing of ids, and Debian has no crictl.
 * @param socket of containerd
 */
export async function listImages(socket: string): Promise<NodeImage[]> {
  const response = await call(socket, '/runtime.v1.ImageService/ListImages');
  const images = [...fieldsOf(response)].filter(({ number }) => number === 1);
  return images.flatMap(({ value }) => (typeof value === 'number' ? [] : [imageOf(value)]));
}

/** message Image */
function imageOf(message: Uint8Array): NodeImage {
  const image: NodeImage = { id: '', tags: [], digests: [], size: 0 };
  for (const { number, value } of fieldsOf(message)) {
    if (typeof value === 'number') {
      if (number === 4) image.size = value;
      continue;
    }
    const text = (): string => Buffer.from(value).toString();
    if (number === 1) image.id = text();
    else if (number === 2) image.tags.push(text());
    else if (number === 3) image.digests.push(text());
  }
  return image;
}

/** A call of gRPC with an empty message (github.com/grpc/grpc, PROTOCOL-HTTP2.md). Gives the message of the answer. */
function call(socket: string, path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const session = connect('http://localhost', { createConnection: () => connectSocket(socket) });
    const fail = (error: Error): void => {
      session.destroy();
      reject(error);
    };
    session.once('error', fail);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let status: string | undefined;
    let words = '';
    const readStatus = (headers: Record<string, unknown>): void => {
      if (typeof headers['grpc-status'] === 'string') status = headers['grpc-status'];
      if (typeof headers['grpc-message'] === 'string') words = decodeURIComponent(headers['grpc-message']);
    };
    // gRPC: an answer without a body has its status in the headers
    stream.on('response', readStatus);
    stream.on('trailers', readStatus);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', fail);
    stream.once('end', () => {
      session.close();
      if (status === '0') resolve(Buffer.concat(chunks).subarray(prefix));
      else reject(new Error(`${path}: ${words === '' ? `gRPC status ${status ?? 'missing'}` : words}`));
    });
    stream.end(Buffer.alloc(prefix));
  });
}

/** A byte that says whether it is compressed, and its length in four. */
const prefix = 5;
