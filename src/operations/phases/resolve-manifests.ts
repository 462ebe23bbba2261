import { isMapping } from '../../formats/mapping.ts';
import { posix } from 'node:path';

import { fetchText, webClient } from '../../artifacts/download.ts';
import { InputError, messageOf } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import { pickProxies } from '../../observe/host/gather.ts';
import type { ManifestObject, ManifestSource } from '../../spec/types.ts';
import { readDocuments } from '../../spec/yaml.ts';
import type { Session } from '../session.ts';

/** Milliseconds for one of the web. */
const patience = 60_000;

/** A file of manifests. */
interface Text {
  name: string;
  text: string;
}

/**
 * What is in the manifests, by source, so that the cluster stays as it was made, whatever becomes of them.
 * Those that were read before, or came with a bundle, are as they are.
 * @throws InputError with everything that cannot be read, or is no object that could be applied
 */
export async function resolveManifests(
  session: Session,
  manifests: readonly ManifestSource[],
): Promise<ManifestSource[]> {
  const read = await Promise.all(
    manifests.map(async ({ from, objects }, index) => {
      if (objects) return [{ objects, problems: [] }];
      const path = `manifests[${index}]`;
      try {
        const texts = await textsOf(session, from);
        return texts.map((text) => objectsIn(text, path));
      } catch (error) {
        session.signal.throwIfAborted();
        return [{ objects: [], problems: [{ path, message: messageOf(error) }] }];
      }
    }),
  );
  const problems = read.flat().flatMap((one) => one.problems);
  if (problems.length > 0) throw new InputError('manifests', problems);
  return manifests.map(({ from }, index) => ({
    from,
    objects: (read[index] ?? []).flatMap(({ objects }) => objects),
  }));
}

/** One file, or those of a folder in the order of their names, as `kubectl apply -f` takes them. @throws Error in words */
async function textsOf(session: Session, from: string): Promise<Text[]> {
  const { local } = session.workstation;
  if (/^https?:\/\//.test(from)) return [{ name: from, text: await download(session, from) }];
  const found = await local.stat(from, { follow: true });
  if (!found) throw new Error(`there is no file or folder ${from} on ${local.name}`);
  const isFolder = found.kind === 'directory';
  const names = isFolder ? (await local.list(from)).filter((name) => /\.(ya?ml|json)$/.test(name)) : [];
  if (isFolder && names.length === 0) throw new Error(`${from} has no .yaml, .yml or .json file`);
  const paths = isFolder ? names.map((name) => posix.join(from, name)) : [from];
  return Promise.all(
    paths.map(async (path) => {
      const text = await local.readFile(path);
      if (text === undefined) throw new Error(`${path} is gone`);
      return { name: path, text };
    }),
  );
}

async function download({ workstation, signal }: Session, url: string): Promise<string> {
  const client = await webClient(pickProxies(workstation.env));
  try {
    const text = await fetchText(url, { client, timeout: patience, signal });
    if (text === undefined) throw new Error(`${url}: the server answers 404`);
    return text;
  } finally {
    await client.destroy();
  }
}

interface Reading {
  objects: readonly ManifestObject[];
  problems: readonly Problem[];
}

function objectsIn({ name, text }: Text, path: string): Reading {
  const read = readDocuments(text, { octal: true });
  if ('faults' in read) {
    const problems = read.faults.map(({ message, ...place }) => ({
      path,
      place: { file: name, ...place },
      message,
    }));
    return { objects: [], problems };
  }
  const found = read.data.map((data, index) => objectsOf(data, `${name}, document ${index + 1}`, path));
  return {
    objects: found.flatMap(({ objects }) => objects),
    problems: found.flatMap(({ problems }) => problems),
  };
}

/** An object, or those of a List. */
function objectsOf(data: unknown, where: string, path: string): Reading {
  if (isMapping(data) && data['kind'] === 'List' && Array.isArray(data['items'])) {
    const items = data['items'].map((item, index) => objectsOf(item, `${where}, item ${index + 1}`, path));
    return {
      objects: items.flatMap(({ objects }) => objects),
      problems: items.flatMap(({ problems }) => problems),
    };
  }
  const lacks = whatItLacks(data);
  if (lacks !== undefined) return { objects: [], problems: [{ path, message: `${where}: ${lacks}` }] };
  return { objects: [data as ManifestObject], problems: [] };
}

function whatItLacks(data: unknown): string | undefined {
  if (!isMapping(data)) return 'is no object of Kubernetes';
  for (const key of ['apiVersion', 'kind'] as const)
    if (typeof data[key] !== 'string' || data[key] === '') return `has no ${key}`;
  const { metadata } = data;
  const named = isMapping(metadata) && typeof metadata['name'] === 'string' && metadata['name'] !== '';
  if (named) return undefined;
  const generated = isMapping(metadata) && metadata['generateName'] !== undefined;
  return generated
    ? 'has generateName: it would be made anew each time; give it a name'
    : 'has no metadata.name';
}
