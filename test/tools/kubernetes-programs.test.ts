import { expect, it } from 'vitest';

import {
  flagFault,
  gateFault,
  tryFlagCommand,
  tryGatesCommand,
} from '../../src/tools/kubernetes-programs.ts';

it('nothing that is asked can start', () => {
  expect(tryFlagCommand('/x/kubelet', 'v', '4')).toEqual(['/x/kubelet', '--v=4', '--help']);
  expect(tryGatesCommand('kubelet', '/x/kubelet', { A: true, B: false })).toEqual([
    ...['/x/kubelet', '--feature-gates=A=true,B=false', '--config=/dev/null/none'],
  ]);
  expect(tryGatesCommand('kube-apiserver', '/x/kube-apiserver', { A: true }).at(-1)).toBe('--etcd-servers=');
});

/** What 1.20.2 says, cut to the line that matters. */
it.each([
  ['Error: unknown flag: --foo-bar', 'unknown flag: --foo-bar'],
  [
    'Error: invalid argument "x" for "-v, --v" flag: strconv.ParseInt',
    'invalid argument "x" for "-v, --v" flag: strconv.ParseInt',
  ],
  ['Usage:\n  kubelet [flags]\n', undefined],
])('reads of flags: %s', (output, fault) => {
  expect(flagFault(output)).toBe(fault);
});

it.each([
  [
    'Error: invalid argument "Foo=true" for "--feature-gates" flag: unrecognized feature gate: Foo',
    { gate: 'Foo', why: 'does not know it' },
  ],
  [
    'cannot set feature gate CSINodeInfo to false, feature is locked to true',
    { gate: 'CSINodeInfo', why: 'does not let it be false' },
  ],
  ['failed to load Kubelet config file /dev/null/none', undefined],
])('reads of gates: %s', (output, fault) => {
  expect(gateFault(output)).toEqual(fault);
});
