import { describe, expect, it } from 'vitest';

import { failureReason, withoutDumps } from '../../src/formats/failure-reason.ts';

/** As kubelet 1.20 dies: klog's fatal line, then the stacks of all goroutines. */
const kubelet = `Started kubelet.
I1127 09:21:00.100000     120 server.go:416] Version: v1.20.2
W1127 09:21:00.110000     120 server.go:565] standalone mode, no API client
F1127 09:21:00.123456     120 server.go:269] failed to run Kubelet: running with swap on is not supported
goroutine 1 [running]:
k8s.io/kubernetes/vendor/k8s.io/klog/v2.stacks(0xc000010001, 0xc0001)
\t/go/src/k8s.io/klog/v2/klog.go:1026 +0xb9
goroutine 19 [chan receive]:
k8s.io/klog/v2.(*loggingT).flushDaemon(0x70c8e60)
\t/go/src/k8s.io/klog/v2/klog.go:1169 +0x8b
created by k8s.io/klog/v2.init.0
\t/go/src/k8s.io/klog/v2/klog.go:417 +0xdf
kubelet.service: Main process exited, code=exited, status=255/EXCEPTION
kubelet.service: Failed with result 'exit-code'.`.split('\n');

describe('the line that says why', () => {
  it.each([
    [
      'klog, fatal with all goroutines',
      kubelet,
      'failed to run Kubelet: running with swap on is not supported',
    ],
    [
      'klog, an error with fields',
      [
        'E1127 09:21:00.1 1 run.go:72] "command failed" err="failed to validate kubelet flags: unknown \'X\'"',
        'I1127 09:21:00.2 1 x.go:1] bye',
      ],
      '"command failed" err="failed to validate kubelet flags: unknown \'X\'"',
    ],
    [
      'a fatal line before later errors',
      ['F1127 09:21:00.1 1 a.go:1] why', 'E1127 09:21:00.2 1 b.go:1] an effect of it'],
      'why',
    ],
    [
      'cobra',
      ['Error: unknown flag: --nonsense', 'Usage:', '  kube-apiserver [flags]', ''],
      'unknown flag: --nonsense',
    ],
    [
      'etcd 3.5',
      [
        '{"level":"info","ts":"2026","msg":"starting"}',
        '{"level":"fatal","ts":"2026","caller":"x","msg":"discovery failed","error":"cannot fetch cluster info","stacktrace":"go"}',
      ],
      'discovery failed: cannot fetch cluster info',
    ],
    [
      'etcd 3.4',
      ['2026-11-27 09:21:00.123456 C | etcdmain: listen tcp 10.0.0.1:2380: bind: address already in use'],
      'etcdmain: listen tcp 10.0.0.1:2380: bind: address already in use',
    ],
    [
      'containerd',
      [
        'time="2026-11-27T09:21:00Z" level=info msg="starting containerd"',
        'time="2026-11-27T09:21:00Z" level=error msg="failed to load plugin" error="invalid \\"x\\""',
      ],
      'failed to load plugin: invalid "x"',
    ],
    [
      'a panic',
      ['I1127 09:21:00.1 1 a.go:1] ok', 'panic: nil map', '', 'goroutine 1 [running]:', 'main.f()'],
      'panic: nil map',
    ],
    [
      'any other program',
      ['first', 'the flux capacitor is empty', 'x.service: Failed with result'],
      'the flux capacitor is empty',
    ],
    [
      'nothing but systemd',
      ['Started kubelet.', "kubelet.service: Failed with result 'exit-code'."],
      undefined,
    ],
  ])('of %s', (_what, lines, reason) => {
    expect(failureReason(lines)).toBe(reason);
  });

  it('is cut where it is a dump of its own', () => {
    expect(failureReason(['x'.repeat(5000)])).toHaveLength(404);
  });
});

it('dumps are left out, and what comes after them is not', () => {
  expect(withoutDumps(kubelet)).toEqual([...kubelet.slice(0, 4), ...kubelet.slice(-2)]);
});
