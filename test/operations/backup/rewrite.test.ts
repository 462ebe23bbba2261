import { describe, expect, it } from 'vitest';

import { editMessage, fieldsOf } from '../../../src/formats/protobuf.ts';
import { moveAddress, prefixesToRewrite, rewriteKey } from '../../../src/operations/backup/rewrite.ts';
import type { Mapping } from '../../../src/operations/backup/rewrite.ts';

type Message = readonly (readonly [field: number, value: string | Buffer])[];

/** A message of fields that have a length. */
function message(fields: Message): Buffer {
  return editMessage(
    Buffer.alloc(0),
    {},
    fields.map(([field, value]) => ({ field, bytes: Buffer.from(value) })),
  );
}

/** As the API server stores it: the kind, and the object itself. */
function stored(kind: string, fields: Message): Buffer {
  const type = message([
    [1, 'v1'],
    [2, kind],
  ]);
  return Buffer.concat([
    Buffer.from('k8s\0'),
    message([
      [1, type],
      [2, message(fields)],
    ]),
  ]);
}

/** What is at the end of a path of field numbers. */
function at(value: Buffer, ...path: number[]): string[] {
  let found = fieldsOf(value.subarray(4), 2);
  for (const field of path) found = found.flatMap((one) => fieldsOf(one, field));
  return found.map(String);
}

const entry = (key: string, value: string): Buffer =>
  message([
    [1, key],
    [2, value],
  ]);

const mapping: Mapping = {
  nodes: {
    'lab-worker': { name: 'copy-worker', podSubnets: ['10.200.1.0/24'] },
    'lab-control-plane': { name: 'copy-control-plane', podSubnets: ['10.200.0.0/24'] },
  },
  serviceSubnets: [{ from: '10.96.0.0/16', to: '10.97.0.0/16' }],
};

function rewritten(key: string, value: Buffer): { key: string; value: Buffer } {
  const result = rewriteKey(`/registry/${key}`, value, mapping);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe('objects that are restored', () => {
  it('a Node gets its new name and pod subnet, keeps its labels, and says nothing of its state', () => {
    const node = stored('Node', [
      [
        1,
        message([
          [1, 'lab-worker'],
          [5, 'uid'],
          [11, entry('kubernetes.io/hostname', 'lab-worker')],
          [11, entry('disk', 'lab-worker')],
        ]),
      ],
      [
        2,
        message([
          [1, '10.10.1.0/24'],
          [7, '10.10.1.0/24'],
          [5, 'a taint'],
        ]),
      ],
      [
        3,
        message([
          [1, 'capacity'],
          [4, 'Ready'],
          [5, '192.0.2.1'],
        ]),
      ],
    ]);
    const { key, value } = rewritten('minions/lab-worker', node);
    expect(key).toBe('/registry/minions/copy-worker');
    expect(at(value, 1, 1)).toEqual(['copy-worker']);
    expect(at(value, 1, 5)).toEqual(['uid']);
    expect(at(value, 1, 11, 2)).toEqual(['copy-worker', 'lab-worker']);
    expect(at(value, 2, 1)).toEqual(['10.200.1.0/24']);
    expect(at(value, 2, 7)).toEqual(['10.200.1.0/24']);
    expect(at(value, 2, 5)).toEqual(['a taint']);
    expect([1, 4, 5].map((field) => at(value, 3, field))).toEqual([['capacity'], [], []]);
    expect(rewriteKey('/registry/minions/gone', node, mapping)).toBe('gone');
  });

  it('a pod stays on its node, whatever that is called', () => {
    const place = message([
      [
        1,
        message([
          [
            2,
            message([
              [1, 'metadata.name'],
              [3, 'lab-worker'],
            ]),
          ],
        ]),
      ],
    ]);
    const pod = stored('Pod', [
      [1, message([[1, 'web']])],
      [
        2,
        message([
          [10, 'lab-worker'],
          [18, message([[1, message([[1, place]])]])],
        ]),
      ],
      [3, 'Running'],
    ]);
    const { key, value } = rewritten('pods/default/web', pod);
    expect(key).toBe('/registry/pods/default/web');
    expect(at(value, 2, 10)).toEqual(['copy-worker']);
    expect(at(value, 2, 18, 1, 1, 1, 2, 3)).toEqual(['copy-worker']);
    expect(at(value, 3)).toEqual(['Running']);
    const other = stored('Pod', [[2, message([[10, 'elsewhere']])]]);
    expect(rewriteKey('/registry/pods/default/other', other, mapping)).toBe('same');
  });

  it('a volume stays on its node, and a claim knows which', () => {
    const term = message([
      [
        1,
        message([
          [1, 'kubernetes.io/hostname'],
          [2, 'In'],
          [3, 'lab-worker'],
        ]),
      ],
    ]);
    const volume = stored('PersistentVolume', [[2, message([[9, message([[1, message([[1, term]])]])]])]]);
    const { value } = rewritten('persistentvolumes/pvc-1', volume);
    expect(at(value, 2, 9, 1, 1, 1, 3)).toEqual(['copy-worker']);
    const claim = stored('PersistentVolumeClaim', [
      [1, message([[12, entry('volume.kubernetes.io/selected-node', 'lab-worker')]])],
    ]);
    expect(at(rewritten('persistentvolumeclaims/default/data', claim).value, 1, 12, 2)).toEqual([
      'copy-worker',
    ]);
  });

  it('a Service has the same place in the new subnet', () => {
    const service = stored('Service', [
      [
        2,
        message([
          [3, '10.96.0.10'],
          [18, '10.96.0.10'],
        ]),
      ],
    ]);
    const { value } = rewritten('services/specs/kube-system/kube-dns', service);
    expect([at(value, 2, 3), at(value, 2, 18)]).toEqual([['10.97.0.10'], ['10.97.0.10']]);
    const headless = stored('Service', [[2, message([[3, 'None']])]]);
    expect(rewriteKey('/registry/services/specs/default/db', headless, mapping)).toBe('same');
  });

  it('leases and what is counted anew are gone, JSON and encrypted objects stay', () => {
    expect(rewriteKey('/registry/leases/kube-system/kube-scheduler', Buffer.from('k8s\0'), mapping)).toBe(
      'gone',
    );
    expect(rewriteKey('/registry/ranges/serviceips', Buffer.from('k8s\0'), mapping)).toBe('gone');
    expect(rewriteKey('/registry/pods/a/b', Buffer.from('{"spec":{}}'), mapping)).toBe('same');
    expect(rewriteKey('/registry/pods/a/b', Buffer.from('k8s:enc:aescbc:'), mapping)).toBe('same');
  });

  it('only what can have changed is looked at', () => {
    const same: Mapping = {
      nodes: { 'lab-worker': { name: 'lab-worker', podSubnets: [] } },
      serviceSubnets: [{ from: '10.96.0.0/16', to: '10.96.0.0/16' }],
    };
    expect(prefixesToRewrite(same)).not.toContain('/registry/pods/');
    expect(prefixesToRewrite(same)).not.toContain('/registry/services/specs/');
    expect(prefixesToRewrite(mapping)).toContain('/registry/pods/');
  });
});

it('addresses move with their subnet, of both families', () => {
  const pairs = [
    { from: '10.96.0.0/16', to: '10.98.0.0/20' },
    { from: 'fd00:10:96::/112', to: 'fd00:10:97::/112' },
  ];
  expect(moveAddress('10.96.0.1', pairs)).toBe('10.98.0.1');
  expect(moveAddress('fd00:10:96::a', pairs)).toBe('fd00:10:97::a');
  expect(moveAddress('None', pairs)).toBe('None');
  expect(moveAddress('192.0.2.1', pairs)).toBe('192.0.2.1');
  expect(() => moveAddress('10.96.200.1', pairs)).toThrow(/has no place in 10.98.0.0\/20/);
});
