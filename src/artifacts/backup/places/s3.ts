import { Readable } from 'node:stream';

import { InputError, KnestError, messageOf } from '../../../errors.ts';
import type { Workstation } from '../../../workstation/workstation.ts';
import type { BackupPlace } from './types.ts';

/** Parts may not be smaller than 5 MB but for the last one, and not more than 10000: 80 GB (S3: "Multipart upload limits"). */
const partSize = 8 * 1024 * 1024;

/**
 * A bucket of any server that speaks S3: s3://BUCKET[/PREFIX]. Endpoint, region and keys come from the environment, by the
 * names that the aws command line has.
 * @throws InputError when the environment lacks them
 */
export function s3Place(url: URL, { env }: Pick<Workstation, 'env'>): BackupPlace {
  const bucket = url.hostname;
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  const key = (file: string): string => (prefix === '' ? file : `${prefix}/${file}`);
  const name = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
  const settings = settingsOf(env, bucket);
  const open = async () => {
    // loaded here: only buckets need it
    const { S3mini } = await import('s3mini');
    return new S3mini(settings);
  };
  const failed = (what: string, error: unknown): KnestError =>
    new KnestError(`${name}: could not ${what}: ${messageOf(error)}`, {
      code: 'CONNECTION_FAILED',
      hint: 'AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where it is and who asks',
      cause: error,
    });
  return {
    name,
    write: async (file, content, signal) => {
      const s3 = await open();
      const upload = await s3.getMultipartUploadId(key(file)).catch((error: unknown) => {
        throw failed(`write ${file}`, error);
      });
      let size = 0;
      try {
        const parts = [];
        for await (const part of inParts(content)) {
          signal.throwIfAborted();
          size += part.byteLength;
          parts.push(await s3.uploadPart(key(file), upload, part, parts.length + 1));
        }
        await s3.completeMultipartUpload(key(file), upload, parts);
        return size;
      } catch (error) {
        // parts of an upload that nobody finishes would be paid for
        await s3.abortMultipartUpload(key(file), upload).catch(() => undefined);
        if (content.errored || signal.aborted) throw error;
        throw failed(`write ${file}`, error);
      }
    },
    list: async () => {
      const s3 = await open();
      const start = prefix === '' ? '' : `${prefix}/`;
      const found = await s3.listObjects('/', start).catch((error: unknown) => {
        throw failed('list what is there', error);
      });
      return (found ?? []).flatMap(({ Key, Size }) => {
        const file = Key.startsWith(start) ? Key.slice(start.length) : '';
        return file === '' || file.includes('/') ? [] : [{ name: file, size: Size }];
      });
    },
    read: async (file) => {
      const s3 = await open();
      const answer = await s3.getObjectResponse(key(file)).catch((error: unknown) => {
        throw failed(`read ${file}`, error);
      });
      if (answer?.body) return Readable.fromWeb(answer.body);
      throw new KnestError(`${name} has no ${file}`, {
        code: 'BACKUP_UNUSABLE',
        hint: `what there is: knest backup list --from ${name}`,
      });
    },
    remove: async (file) => {
      await (await open()).deleteObject(key(file)).catch((error: unknown) => {
        throw failed(`remove ${file}`, error);
      });
    },
  };
}

function settingsOf(env: Workstation['env'], bucket: string) {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'] ?? '';
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'] ?? '';
  const missing = [
    ...(accessKeyId === '' ? ['AWS_ACCESS_KEY_ID'] : []),
    ...(secretAccessKey === '' ? ['AWS_SECRET_ACCESS_KEY'] : []),
  ];
  if (missing.length > 0) {
    const problems = missing.map((path) => ({
      path,
      message: 'must be set for a place that begins with s3://',
    }));
    throw new InputError('environment', problems);
  }
  const region = (env['AWS_REGION'] || env['AWS_DEFAULT_REGION']) ?? 'us-east-1';
  const given = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  const server = (given || `https://s3.${region}.amazonaws.com`).replace(/\/+$/, '');
  return { accessKeyId, secretAccessKey, region, endpoint: `${server}/${bucket}` };
}

async function* inParts(content: Readable): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    held.push(chunk);
    size += chunk.byteLength;
    while (size >= partSize) {
      const all = Buffer.concat(held);
      yield all.subarray(0, partSize);
      held = [all.subarray(partSize)];
      size -= partSize;
    }
  }
  if (size > 0) yield Buffer.concat(held);
}
