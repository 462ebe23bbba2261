/** What a config points at goes into a bundle, and is as if it were there where the bundle is used. */

import { describe, expect, it } from 'vitest';

import { parseReferences, referencesOf, withReferences } from '../../src/operations/bundle/references.ts';
import { bundledSpec } from '../../src/operations/bundle/use-bundle.ts';
import { clusterSpec } from '../fixtures/cluster.ts';
import { someLock } from '../fixtures/lock.ts';

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const access = { mirrors: [], skipVerify: false, credentials: undefined };
const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } };
const spec = clusterSpec({
  registries: [
    { ...access, host: 'a.example', ca: '/etc/ssl/a.pem' },
    { ...access, host: 'b.example', ca: pem },
    { ...access, host: 'c.example', ca: undefined },
  ],
  manifests: [{ from: '/srv/a.yaml' }, { from: 'https://a.example/b.yaml' }],
});
const resolved = {
  ...spec,
  registries: spec.registries?.map((entry) => ({ ...entry, ca: entry.ca && pem })),
  manifests: spec.manifests?.map((source) => ({ ...source, objects: [object] })),
};
const references = {
  certificates: { '/etc/ssl/a.pem': pem },
  manifests: { '/srv/a.yaml': [object], 'https://a.example/b.yaml': [object] },
};

describe('what a config points at', () => {
  it('is taken along, and put back', () => {
    expect(referencesOf(spec, resolved)).toEqual(references);
    expect(parseReferences(JSON.stringify(references), 'x')).toEqual(references);
    expect(withReferences(spec, references)).toEqual(resolved);
    expect(bundledSpec(spec, { lock: someLock(), references })).toEqual({
      ...resolved,
      image: { ...spec.image, lock: someLock() },
    });
  });

  it('is none where there is nothing', () => {
    const nothing = { certificates: {}, manifests: {} };
    expect(referencesOf(clusterSpec(), clusterSpec())).toEqual(nothing);
    expect(withReferences(clusterSpec(), nothing)).toEqual(clusterSpec());
  });

  it('of another config is left as it is', () => {
    const other = clusterSpec({ manifests: [{ from: '/srv/other.yaml' }] });
    expect(withReferences(other, references)).toEqual(other);
  });

  it.each(['', '[]', '{"certificates":{}}', '{"certificates":{},"manifests":{"a":[{}]}}'])(
    'is refused when it is something else: %s',
    (text) => {
      expect(() => parseReferences(text, 'lab.knest:references.json')).toThrow(
        'lab.knest:references.json is not what knest has written',
      );
    },
  );
});
