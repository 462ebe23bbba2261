/**
 * knest.lock: what the layers of a cluster's nodes are made of, down to the last package, so that they are the same on
 * another machine and another day. `knest lock` writes it; people review it, and version control keeps it.
 */

import { Document, isMap, isSeq } from 'yaml';
import * as z from 'zod';

import { InputError } from '../errors.ts';
import { check } from './check.ts';
import { placesIn } from './places.ts';
import { componentNames } from './words.ts';
import { readYaml } from './yaml.ts';

/** Raised when a reader must change. A new kind of layer is no reason: who does not know it says so. */
const formatVersion = 1;

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 of 64 hexadecimal digits');
const layerId = z.string().regex(/^[a-z0-9][\w.+-]*$/, 'must be the id of a layer');
const url = z.url();

const lockedPackage = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'must be the name of a Debian package'),
  version: z.string().regex(/^[\w.+:~-]+$/, 'must be the version of a Debian package'),
  arch: z.string().regex(/^[a-z0-9-]+$/, 'must be an architecture'),
  sha256: digest,
  /** Below the mirror: "pool/main/c/curl/curl_8.14.1-2_amd64.deb". */
  path: z
    .string()
    .regex(/^(?!.*(^|\/)\.\.?(\/|$))[\w.+~:%-]+(\/[\w.+~:%-]+)*\.deb$/, 'must be the path of a package'),
  /** From the mirror of security updates. */
  security: z.literal(true).optional(),
});

/** A Debian system as a set of packages. */
const debianTree = {
  suite: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Where they were found. */
  mirror: url,
  securityMirror: url.optional(),
  /** How old the archive was then: the latest Date of its Release files, ISO 8601. Files in the layer are never younger. */
  date: z.iso.datetime(),
  /** In the order of their names. */
  packages: z.array(lockedPackage).min(1),
};

const source = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('release'), baseUrl: url }),
  z.strictObject({ kind: z.literal('debian'), suite: z.string() }),
  z.strictObject({ kind: z.literal('directory'), directory: z.string(), digest }),
]);

const outsideSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('release'), baseUrl: url }),
  z.strictObject({ kind: z.literal('directory'), directory: z.string(), digest }),
]);

const lockedArchive = z.strictObject({ file: z.string(), digest, images: z.array(z.string()) });

/** Of every layer: its id, its kind, what it is made of, and what must be in it in the end. */
const layer = z.discriminatedUnion('kind', [
  z.strictObject({
    id: layerId,
    kind: z.literal('rootfs'),
    /** Names of packages that were asked for besides knest's own (image.packages). */
    asked: z.array(z.string()).optional(),
    ...debianTree,
    content: digest,
  }),
  z.strictObject({
    id: layerId,
    kind: z.literal('kubernetes'),
    version: z.string(),
    /** What was asked for: "stable", "v1.36"; undefined: whatever the source gives. */
    wanted: z.string().optional(),
    source,
    /** By name. */
    binaries: z.record(z.string(), digest),
    content: digest,
  }),
  z.strictObject({
    id: layerId,
    kind: z.literal('component'),
    component: z.enum(componentNames),
    version: z.string().optional(),
    source: outsideSource,
    /** Of a release: of the file that is downloaded. */
    sha256: digest.optional(),
    /** Which nodes have it; others have that of their suite. */
    nodes: z.array(z.strictObject({ suite: z.string(), kubernetes: z.string() })).min(1),
    content: digest,
  }),
  z.strictObject({
    id: layerId,
    kind: z.literal('images'),
    archives: z.array(lockedArchive),
    content: digest,
  }),
]);

const lockSchema = z.strictObject({
  version: z.literal(formatVersion),
  /** Version of the knest that wrote it. */
  knest: z.string(),
  /** Go's name of the architecture. */
  arch: z.string(),
  layers: z.array(layer).min(1),
});

export type Lock = z.output<typeof lockSchema>;
export type LockedLayer = Lock['layers'][number];
export type LockedRootfs = Extract<LockedLayer, { kind: 'rootfs' }>;
export type LockedKubernetes = Extract<LockedLayer, { kind: 'kubernetes' }>;
export type LockedComponent = Extract<LockedLayer, { kind: 'component' }>;
export type LockedImages = Extract<LockedLayer, { kind: 'images' }>;
export type LockedPackage = z.output<typeof lockedPackage>;
/** What a Debian system is made of. */
export type DebianTree = Omit<LockedRootfs, 'id' | 'kind' | 'asked' | 'content'>;

/** The part of a layer of which its tree is made. */
export function debianTreeOf({ suite, mirror, securityMirror, date, packages }: DebianTree): DebianTree {
  return { suite, mirror, ...(securityMirror === undefined ? {} : { securityMirror }), date, packages };
}

/**
 * @param file how the user knows it, for messages
 * @throws InputError with everything that is wrong with it
 */
export function parseLock(text: string, file: string): Lock {
  const yaml = readYaml(text);
  if ('faults' in yaml) {
    const problems = yaml.faults.map(({ message, ...place }) => ({
      path: '',
      place: { file, ...place },
      message,
    }));
    throw new InputError(`${file} is not valid YAML`, problems);
  }
  const { data, document, read } = yaml;
  const at = placesIn(file, read);
  const version: unknown = document.get('version');
  if (typeof version === 'number' && version > formatVersion) {
    const message = `${version} is the format of a newer knest; this one knows ${formatVersion}`;
    throw new InputError(file, [
      { ...at(['version']), message, hint: 'use that knest, or write it anew: knest lock' },
    ]);
  }
  const { problems } = check(lockSchema, data, at);
  const [first] = problems;
  if (first) {
    throw new InputError(file, [{ ...first, hint: 'write it anew: knest lock' }, ...problems.slice(1)]);
  }
  return lockSchema.parse(data);
}

/** The same lock always gives the same text; each package has a line of its own, for differences that can be read. */
export function renderLock(lock: Lock): string {
  const document = new Document(lock);
  document.commentBefore = ` Written by "knest lock": what the layers of this cluster's nodes are made of.`;
  const layers = document.get('layers');
  for (const each of isSeq(layers) ? layers.items : []) {
    const packages = isMap(each) ? each.get('packages') : undefined;
    for (const one of isSeq(packages) ? packages.items : []) if (isMap(one)) one.flow = true;
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
