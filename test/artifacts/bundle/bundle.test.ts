import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { indexSize, memberNames, parseIndex, renderIndex } from '../../../src/artifacts/bundle/index-file.ts';
import { openBundle, readMember, verifyMember } from '../../../src/artifacts/bundle/read.ts';
import { signingKey, verifyingKey } from '../../../src/artifacts/bundle/signature.ts';
import { unpackLayer } from '../../../src/artifacts/bundle/unpack.ts';
import { layerMember, textMember, writeBundle } from '../../../src/artifacts/bundle/write.ts';
import { layerContent, layerPath } from '../../../src/artifacts/layers.ts';
import { InputError, problemSentence } from '../../../src/errors.ts';
import { localHost } from '../../../src/host/local.ts';
import { openGrowingFile } from '../../../src/workstation/growing-file.ts';
import { lockedKubernetes } from '../../fixtures/lock.ts';
import { buildContext } from '../build-context.ts';

const host = localHost();
const about = { knest: '0.1.0', arch: 'amd64', cluster: 'lab' };
const { id } = lockedKubernetes();
const pem = generateKeyPairSync('ed25519', {
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const key = signingKey(pem.privateKey, '--sign-key');
const owner = verifyingKey(pem.publicKey, '--verify-key');

let folder: string;
let file: string;
let source: ReturnType<typeof buildContext>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-bundle-'));
  file = join(folder, 'lab.knest');
  source = buildContext(join(folder, 'source'));
  const bin = join(layerPath(source.paths, id), 'usr/local/bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'kubelet'), 'k'.repeat(70_000));
  await chmod(join(bin, 'kubelet'), 0o755);
});

afterEach(() => rm(folder, { recursive: true }));

async function write(signed = false): Promise<void> {
  const growing = await openGrowingFile(file);
  const members = [textMember(memberNames.config, 'kind: Cluster\n'), layerMember(host, source.paths, id)];
  try {
    await writeBundle(growing, about, members, {
      key: signed ? key : undefined,
      progress: () => undefined,
      signal: new AbortController().signal,
    });
    await growing.finish();
  } finally {
    await growing.discard();
  }
}

async function damage(position: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, position);
  await handle.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, position);
  await handle.close();
}

describe('a bundle', () => {
  it('is a tar archive that any tar reads, the index first', async () => {
    await write(true);
    const { stdout } = await host.run(['tar', '--list', '--file', file]);
    expect(stdout.split('\n')).toEqual([
      'index.json',
      'index.json.sig',
      'cluster.yaml',
      `layers/${id}.tar.gz`,
    ]);
    const config = await host.run(['tar', '--extract', '--to-stdout', '--file', file, 'cluster.yaml']);
    expect(config.stdout).toBe('kind: Cluster');
    expect(await readdir(folder)).toEqual(['lab.knest', 'source']);
  });

  it('gives the same bytes again', async () => {
    await write();
    const first = await readFile(file);
    await write();
    expect((await readFile(file)).equals(first)).toBe(true);
  });

  it('brings its layers into another cache, once', async () => {
    await write();
    const bundle = await openBundle(host, file, undefined);
    expect(bundle.index).toMatchObject({ ...about, format: 1 });
    expect(await readMember(host, bundle, memberNames.config)).toBe('kind: Cluster\n');
    const target = buildContext(join(folder, 'target'));
    const content = await layerContent(id, source);
    await unpackLayer(bundle, lockedKubernetes({ content }), target);
    expect(await readFile(join(layerPath(target.paths, id), 'usr/local/bin/kubelet'), 'utf8')).toBe(
      'k'.repeat(70_000),
    );
    expect(await layerContent(id, target)).toBe(content);
    // a file that is gone is not missed
    await rm(file);
    await unpackLayer(bundle, lockedKubernetes({ content }), target);
    expect(await readdir(join(folder, 'target'))).toEqual(['layers']);
  });

  it('goes on after an import that was killed', async () => {
    await write();
    const target = buildContext(join(folder, 'target'));
    await mkdir(`${layerPath(target.paths, id)}.partial/half`, { recursive: true });
    const content = await layerContent(id, source);
    await unpackLayer(await openBundle(host, file, undefined), lockedKubernetes({ content }), target);
    expect(await layerContent(id, target)).toBe(content);
  });

  it('with another layer than the lock says leaves nothing', async () => {
    await write();
    const target = buildContext(join(folder, 'target'));
    const bundle = await openBundle(host, file, undefined);
    await expect(unpackLayer(bundle, lockedKubernetes(), target)).rejects.toMatchObject({
      code: 'LOCK_MISMATCH',
      details: [
        `locked: content sha256 ${'c'.repeat(64)}`,
        expect.stringMatching(/^found: {2}content sha256 /),
      ],
    });
    expect(await readdir(join(folder, 'target/layers'))).toEqual([]);
  });

  it('leaves nothing when it cannot be written', async () => {
    const growing = await openGrowingFile(file);
    const broken = { name: 'x', open: () => Promise.resolve(Readable.from(failing())) };
    const options = { key: undefined, progress: () => undefined, signal: new AbortController().signal };
    await expect(writeBundle(growing, about, [broken], options)).rejects.toThrow('the disk is gone');
    await growing.discard();
    expect(await readdir(folder)).toEqual(['source']);
  });

  it('is not made of a layer that is gone', async () => {
    await rm(layerPath(source.paths, id), { recursive: true });
    await expect(write()).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

describe('a bundle that was tampered with', () => {
  it.each([
    ['the config', 0],
    ['a layer', 1],
  ])('is refused: %s', async (_, index) => {
    await write();
    const bundle = await openBundle(host, file, undefined);
    const member = bundle.index.members[index];
    if (!member) throw new Error('no such member');
    await verifyMember(host, bundle, member, () => undefined);
    await damage(member.offset + member.size - 1);
    await expect(verifyMember(host, bundle, member, () => undefined)).rejects.toMatchObject({
      code: 'BUNDLE_UNUSABLE',
      message: expect.stringContaining(`${member.name} has sha256 `) as string,
    });
  });

  it('is not unpacked', async () => {
    await write();
    const bundle = await openBundle(host, file, undefined);
    await damage((bundle.index.members[1]?.offset ?? 0) + 20);
    const target = buildContext(join(folder, 'target'));
    await expect(unpackLayer(bundle, lockedKubernetes(), target)).rejects.toThrow(/is damaged/);
    expect(await readdir(join(folder, 'target/layers'))).toEqual([]);
  });

  it('is refused where it is cut off', async () => {
    await write();
    const bundle = await openBundle(host, file, undefined);
    const last = bundle.index.members.at(-1);
    if (!last) throw new Error('no members');
    await truncate(file, last.offset + 10);
    await expect(verifyMember(host, bundle, last, () => undefined)).rejects.toMatchObject({
      message: `${file} is damaged: it ends within ${last.name}, after 10 of ${last.size} bytes`,
    });
  });

  it.each([
    ['a text', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(4096)],
  ])('is none: %s', async (_, content) => {
    await writeFile(file, content);
    await expect(openBundle(host, file, undefined)).rejects.toMatchObject({
      code: 'BUNDLE_UNUSABLE',
      message: `${file} is no bundle of knest's`,
    });
  });

  it('is none: another tar archive, a folder, nothing at all', async () => {
    await host.run(['tar', '--create', '--file', file, '--directory', folder, 'source']);
    await expect(openBundle(host, file, undefined)).rejects.toThrow("no bundle of knest's");
    await expect(openBundle(host, folder, undefined)).rejects.toThrow('is not a file');
    await expect(openBundle(host, join(folder, 'no'), undefined)).rejects.toThrow('there is no file');
  });
});

describe('a signature', () => {
  it('is of whoever has the key', async () => {
    await write(true);
    expect((await openBundle(host, file, owner)).signed).toBe(true);
    expect((await openBundle(host, file, undefined)).signed).toBe(true);
    const other = verifyingKey(
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      '--verify-key',
    );
    await expect(openBundle(host, file, other)).rejects.toThrow(`${file} is not signed with this key`);
  });

  it('is asked for when there is a key', async () => {
    await write(false);
    await expect(openBundle(host, file, owner)).rejects.toThrow(`${file} is not signed`);
  });

  it('holds for every byte of the index', async () => {
    await write(true);
    const text = (await readFile(file)).subarray(512).toString('latin1');
    await damage(512 + text.indexOf('"arch"') + 10);
    await expect(openBundle(host, file, owner)).rejects.toThrow('not signed with this key');
  });

  it('takes ed25519 in PEM and says so', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const text = rsa.export({ type: 'pkcs8', format: 'pem' }).toString();
    const other = 'is something else, or has a password, and not a';
    expect(problemOf(() => signingKey(text, '--sign-key'))).toBe(
      '--sign-key: is of rsa, and not a private key of ed25519 in PEM',
    );
    expect(problemOf(() => verifyingKey('ssh-ed25519 AAAA', '--verify-key'))).toBe(
      `--verify-key: ${other} public key of ed25519 in PEM`,
    );
    expect(problemOf(() => signingKey(pem.publicKey, '--sign-key'))).toBe(
      `--sign-key: ${other} private key of ed25519 in PEM`,
    );
  });
});

describe('the index', () => {
  const index = { ...about, format: 1 as const };
  const largest = Number.MAX_SAFE_INTEGER;

  it('always fits into the space that was kept for it', () => {
    const size = indexSize(index, ['a', 'b']);
    const members = ['a', 'b'].map((name) => ({
      name,
      offset: largest,
      size: largest,
      sha256: 'a'.repeat(64),
    }));
    const bytes = renderIndex({ ...index, members }, size);
    expect(bytes.byteLength).toBe(size);
    expect(parseIndex(bytes, 'x')).toEqual({ ...index, members });
    expect(renderIndex({ ...index, members: [] }, size).byteLength).toBe(size);
  });

  it('of another format says how to go on', () => {
    const bytes = Buffer.from(JSON.stringify({ format: 2, new: true }));
    expect(() => parseIndex(bytes, 'lab.knest')).toThrow('lab.knest has format 2, and this knest knows 1');
  });
});

function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    const [problem] = error instanceof InputError ? error.problems : [];
    if (problem) return problemSentence(problem);
    throw error;
  }
  return '';
}

async function* failing(): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from('x'));
  throw new Error('the disk is gone');
}
