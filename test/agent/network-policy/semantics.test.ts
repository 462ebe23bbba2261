/** What Kubernetes says that policies mean ("Network Policies", NetworkPolicySpec), sentence by sentence. */

import { describe, expect, it } from 'vitest';

import type { LabelSelector } from '../../../src/agent/network-policy/objects.ts';
import { pod, policy, reaches, rulesOn } from './cluster.ts';
import type { World } from './cluster.ts';

const web = '10.0.1.1';
const client = '10.0.1.2';
const remote = '10.0.2.3';
const teller = '10.0.2.4';
const outside = '192.0.2.7';

const pods = [
  pod('shop/web', web, { labels: { app: 'web' } }),
  pod('shop/client', client, { labels: { app: 'client', tier: 'front' } }),
  pod('shop/remote', remote, { node: 'two', labels: { app: 'remote' } }),
  pod('bank/teller', teller, { node: 'two', labels: { app: 'client' } }),
];
const everybody = [client, remote, teller, outside];
const ofWeb: LabelSelector = { matchLabels: { app: 'web' } };

function world(...policies: World['policies']): World {
  return { pods, policies, namespaces: { shop: { team: 'red' }, bank: { team: 'blue' } } };
}

/** Those of everybody who get through to web. */
function callers(of: World, to = `${web} tcp 80`): string[] {
  return everybody.filter((address) => reaches(of, address, to));
}

describe('isolation', () => {
  it('is for pods that a policy selects, in the directions that it is about', () => {
    expect(callers(world())).toEqual(everybody);
    const deny = world(policy('shop/deny', {}, ofWeb));
    expect(callers(deny)).toEqual([]);
    expect(reaches(deny, web, client)).toBe(true);
    expect(reaches(deny, remote, client)).toBe(true);
    // another namespace's policy
    expect(callers(world(policy('bank/deny', {})))).toEqual(everybody);
  });

  it('is of both directions with an empty selector and both types', () => {
    const deny = world(policy('shop/deny', { policyTypes: ['Ingress', 'Egress'] }));
    expect(callers(deny)).toEqual([]);
    expect(reaches(deny, web, outside)).toBe(false);
    expect(reaches(deny, web, teller)).toBe(false);
    expect(reaches(deny, teller, outside)).toBe(true);
  });

  it.each([
    { spec: {}, ingress: true, egress: false },
    { spec: { egress: [] }, ingress: true, egress: false },
    { spec: { egress: [{ to: [{ ipBlock: { cidr: '198.51.100.0/24' } }] }] }, ingress: true, egress: true },
    { spec: { policyTypes: ['Egress'] }, ingress: false, egress: true },
    { spec: { policyTypes: ['Egress'], ingress: [] }, ingress: false, egress: true },
    { spec: { policyTypes: ['Ingress'], egress: [{}] }, ingress: true, egress: false },
  ])('of $spec is ingress $ingress, egress $egress', ({ spec, ingress, egress }) => {
    const one = world(policy('shop/one', spec, ofWeb));
    expect(reaches(one, client, web)).toBe(!ingress);
    expect(reaches(one, web, outside)).toBe(!egress);
  });

  it('takes both: the caller must be allowed to call, and the called to be called', () => {
    const allowed = policy('shop/in', { ingress: [{}] }, ofWeb);
    const silent = policy('bank/out', { policyTypes: ['Egress'] });
    expect(callers(world(allowed, silent))).toEqual([client, remote, outside]);
  });

  it('never keeps a pod from itself', () => {
    const deny = world(policy('shop/deny', { policyTypes: ['Ingress', 'Egress'] }));
    expect(reaches(deny, web, web)).toBe(true);
  });

  it('costs nothing where nobody is isolated', () => {
    expect(rulesOn(world(policy('shop/deny', {}, ofWeb)), 'two')).toBeUndefined();
    expect(rulesOn(world(policy('shop/nobody', {}, { matchLabels: { app: 'none' } })))).toBeUndefined();
  });
});

describe('peers', () => {
  const from = (...peers: object[]) => world(policy('shop/p', { ingress: [{ from: peers }] }, ofWeb));
  const red = { namespaceSelector: { matchLabels: { team: 'red' } } };
  const blue = { namespaceSelector: { matchLabels: { team: 'blue' } } };
  const clients = { podSelector: { matchLabels: { app: 'client' } } };

  it('are everybody without a list, and with an empty one', () => {
    expect(callers(world(policy('shop/p', { ingress: [{}] }, ofWeb)))).toEqual(everybody);
    expect(callers(from())).toEqual(everybody);
  });

  it('are pods of the same namespace by podSelector alone', () => {
    expect(callers(from(clients))).toEqual([client]);
    expect(callers(from({ podSelector: {} }))).toEqual([client, remote]);
  });

  it('are all pods of namespaces by namespaceSelector alone', () => {
    expect(callers(from(blue))).toEqual([teller]);
    expect(callers(from(red))).toEqual([client, remote]);
    expect(callers(from({ namespaceSelector: {} }))).toEqual([client, remote, teller]);
  });

  it('must meet both selectors of one element, and one element of several', () => {
    expect(callers(from({ ...blue, ...clients }))).toEqual([teller]);
    expect(callers(from({ ...red, ...clients }))).toEqual([client]);
    expect(callers(from(blue, clients))).toEqual([client, teller]);
  });

  it.each<{ expression: object; expected: string[] }>([
    { expression: { key: 'app', operator: 'In', values: ['remote', 'x'] }, expected: [remote] },
    { expression: { key: 'app', operator: 'NotIn', values: ['remote'] }, expected: [client] },
    { expression: { key: 'tier', operator: 'NotIn', values: ['front'] }, expected: [remote] },
    { expression: { key: 'tier', operator: 'Exists' }, expected: [client] },
    { expression: { key: 'tier', operator: 'DoesNotExist' }, expected: [remote] },
    { expression: { key: 'constructor', operator: 'Exists' }, expected: [] },
  ])('may be chosen by $expression', ({ expression, expected }) => {
    expect(callers(from({ podSelector: { matchExpressions: [expression] } }))).toEqual(expected);
  });

  it('are addresses, but for exceptions', () => {
    expect(callers(from({ ipBlock: { cidr: '192.0.2.0/24' } }))).toEqual([outside]);
    expect(callers(from({ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.0/28'] } }))).toEqual([]);
    expect(callers(from({ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.2.0/24'] } }))).toEqual([
      client,
      outside,
    ]);
    // host bits say nothing
    expect(callers(from({ ipBlock: { cidr: '192.0.2.99/24' } }))).toEqual([outside]);
    // what one block leaves out another one may name
    const overlapping = from(
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.2.0/24'] } },
      { ipBlock: { cidr: '10.0.2.3/32' } },
    );
    expect(callers(overlapping)).toEqual([client, remote]);
  });

  it('are nobody where a block cannot be read: not everybody', () => {
    expect(callers(from({ ipBlock: { cidr: 'nonsense' } }))).toEqual([]);
    expect(callers(from({ ipBlock: { cidr: '0.0.0.0/0', except: ['nonsense'] } }))).toEqual([]);
  });

  it('change with labels of pods and namespaces', () => {
    const changed = { ...from(blue), namespaces: { shop: { team: 'blue' }, bank: {} } };
    expect(callers(changed)).toEqual([client, remote]);
  });
});

describe('ports', () => {
  const on = (...ports: object[]) => world(policy('shop/p', { ingress: [{ ports }] }, ofWeb));

  it.each<{ ports: object[]; open: string[]; closed: string[] }>([
    { ports: [], open: ['tcp 80', 'udp 1', 'sctp 7'], closed: [] },
    { ports: [{ port: 80 }], open: ['tcp 80'], closed: ['tcp 81', 'udp 80', 'sctp 80'] },
    { ports: [{ port: 53, protocol: 'UDP' }], open: ['udp 53'], closed: ['tcp 53'] },
    { ports: [{ port: 7, protocol: 'SCTP' }], open: ['sctp 7'], closed: ['tcp 7'] },
    { ports: [{ port: 80, endPort: 90 }], open: ['tcp 80', 'tcp 90'], closed: ['tcp 79', 'tcp 91'] },
    { ports: [{ protocol: 'UDP' }], open: ['udp 1', 'udp 65535'], closed: ['tcp 1'] },
    { ports: [{ port: 80 }, { port: 443 }], open: ['tcp 80', 'tcp 443'], closed: ['tcp 81'] },
    { ports: [{ port: 'http' }], open: ['tcp 80'], closed: ['tcp 81', 'udp 80', 'udp 53'] },
    { ports: [{ port: 'dns', protocol: 'UDP' }], open: ['udp 53'], closed: ['tcp 53'] },
    { ports: [{ port: 'dns' }], open: [], closed: ['udp 53', 'tcp 53'] },
    { ports: [{ port: 'unknown' }], open: [], closed: ['tcp 80'] },
    { ports: [{ port: 80, protocol: 'DCCP' }], open: [], closed: ['tcp 80', 'udp 80'] },
  ])('$ports', ({ ports, open, closed }) => {
    for (const one of open) expect(reaches(on(...ports), client, `${web} ${one}`), one).toBe(true);
    for (const one of closed) expect(reaches(on(...ports), client, `${web} ${one}`), one).toBe(false);
  });

  it('by name are those of the called pod, and hold for the peers of the rule', () => {
    const other = pod('shop/web2', '10.0.1.9', {
      labels: { app: 'web' },
      spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
    });
    const peers = [{ podSelector: { matchLabels: { app: 'client' } } }];
    const named = policy('shop/p', { ingress: [{ from: peers, ports: [{ port: 'http' }] }] }, ofWeb);
    const both = { ...world(named), pods: [...pods, other] };
    expect(reaches(both, client, `${web} tcp 80`)).toBe(true);
    expect(reaches(both, client, `${web} tcp 8080`)).toBe(false);
    expect(reaches(both, client, '10.0.1.9 tcp 8080')).toBe(true);
    expect(reaches(both, client, '10.0.1.9 tcp 80')).toBe(false);
    expect(reaches(both, remote, `${web} tcp 80`)).toBe(false);
  });

  it('by name are looked up in whoever may be called', () => {
    const out = (to: object[]) =>
      world(
        policy('shop/p', { policyTypes: ['Egress'], egress: [{ to, ports: [{ port: 'http' }] }] }, ofWeb),
      );
    const calls = (of: World) => [client, remote, teller].filter((to) => reaches(of, web, `${to} tcp 80`));
    expect(calls(out([{ podSelector: { matchLabels: { app: 'remote' } } }]))).toEqual([remote]);
    expect(calls(out([{ ipBlock: { cidr: '10.0.2.0/24', except: ['10.0.2.4/32'] } }]))).toEqual([remote]);
    expect(calls(out([]))).toEqual([client, remote, teller]);
    expect(reaches(out([]), web, `${remote} tcp 81`)).toBe(false);
    expect(reaches(out([]), web, `${outside} tcp 80`)).toBe(false);
  });
});

describe('calls', () => {
  const out = (...to: object[]) =>
    world(policy('shop/p', { policyTypes: ['Egress'], egress: [{ to, ports: [{ port: 80 }] }] }, ofWeb));

  it('are allowed by the same words as being called', () => {
    const allowed = out(
      { podSelector: { matchLabels: { app: 'remote' } } },
      { ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] } },
    );
    expect(reaches(allowed, web, `${remote} tcp 80`)).toBe(true);
    expect(reaches(allowed, web, `${remote} tcp 81`)).toBe(false);
    expect(reaches(allowed, web, `${client} tcp 80`)).toBe(false);
    expect(reaches(allowed, web, '192.0.2.7 tcp 80')).toBe(true);
    expect(reaches(allowed, web, '192.0.2.200 tcp 80')).toBe(false);
  });
});

describe('several policies', () => {
  it('allow what any of them allows', () => {
    const both = world(
      policy('shop/deny', {}),
      policy('shop/a', { ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] }, ofWeb),
      policy('shop/b', { ingress: [{ ports: [{ port: 443 }] }] }, ofWeb),
    );
    expect(callers(both)).toEqual([client]);
    expect(callers(both, `${web} tcp 443`)).toEqual(everybody);
    expect(reaches(both, web, `${client} tcp 443`)).toBe(false);
  });

  it('of one selection share a chain', () => {
    const many = Array.from({ length: 20 }, (_, index) => pod(`shop/p${index}`, `10.0.1.${100 + index}`));
    const rules = rulesOn({ ...world(policy('shop/deny', {})), pods: many });
    expect(rules?.chains.map(({ name }) => name)).toEqual(['ingress-1', 'forward']);
  });
});

describe('pods', () => {
  const deny = policy('shop/deny', { policyTypes: ['Ingress', 'Egress'] });
  const all = policy('bank/in', { ingress: [{ from: [{ namespaceSelector: {} }] }] });

  it('of the network of their node are the node: no policy isolates or names them', () => {
    const host = pod('shop/host', '172.16.0.1', { spec: { nodeName: 'one', hostNetwork: true } });
    const with1 = { ...world(deny, all), pods: [...pods, host] };
    expect(reaches(with1, outside, '172.16.0.1 tcp 80')).toBe(true);
    expect(reaches(with1, '172.16.0.1', teller)).toBe(false);
  });

  it('that have ended are none', () => {
    const ended = pod('shop/ended', '10.0.1.50', { status: { phase: 'Succeeded' } });
    const failed = pod('shop/failed', '10.0.1.51', { status: { phase: 'Failed' } });
    const some = { ...world(deny, all), pods: [...pods, ended, failed] };
    expect(reaches(some, outside, '10.0.1.50 tcp 80')).toBe(true);
    expect(reaches(some, '10.0.1.51', teller)).toBe(false);
  });

  it('that are to end are still what they are, until another one has their address', () => {
    const metadata = { deletionTimestamp: 'now', creationTimestamp: '2020-01-01T00:00:00Z' };
    const ending = pod('shop/ending', '10.0.1.60', { metadata });
    const one = { ...world(deny), pods: [...pods, ending] };
    expect(reaches(one, outside, '10.0.1.60 tcp 80')).toBe(false);
    const next = pod('bank/next', '10.0.1.60');
    expect(reaches({ ...one, pods: [next, ending] }, outside, '10.0.1.60 tcp 80')).toBe(true);
    expect(reaches({ ...one, pods: [ending, next] }, outside, '10.0.1.60 tcp 80')).toBe(true);
  });

  it('that are not started have no rules yet', () => {
    const waiting = pod('shop/waiting', []);
    expect(rulesOn({ ...world(deny), pods: [waiting] })).toBeUndefined();
  });

  it('have policies for the addresses of both families', () => {
    const dual = pod('shop/web', ['10.0.1.1', 'fd00::1'], { labels: { app: 'web' } });
    const friend = pod('shop/client', ['10.0.1.2', 'fd00::2'], { labels: { app: 'client' } });
    const stranger = pod('bank/teller', ['10.0.1.3', 'fd00::3']);
    const rule = {
      from: [
        { podSelector: { matchLabels: { app: 'client' } } },
        { ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } },
      ],
      ports: [{ port: 80 }, { port: 'dns', protocol: 'UDP' }],
    };
    const both = {
      ...world(policy('shop/p', { ingress: [rule] }, ofWeb)),
      pods: [dual, friend, stranger],
    };
    expect(reaches(both, 'fd00::2', 'fd00::1 tcp 80')).toBe(true);
    expect(reaches(both, '10.0.1.2', '10.0.1.1 tcp 80')).toBe(true);
    expect(reaches(both, 'fd00::2', 'fd00::1 udp 53')).toBe(true);
    expect(reaches(both, 'fd00::2', 'fd00::1 tcp 81')).toBe(false);
    expect(reaches(both, 'fd00::3', 'fd00::1 tcp 80')).toBe(false);
    expect(reaches(both, '2001:db8:2::9', 'fd00::1 tcp 80')).toBe(true);
    expect(reaches(both, '2001:db8:1::9', 'fd00::1 tcp 80')).toBe(false);
    expect(rulesOn({ ...both, families: [6] })?.collections.map(({ name }) => name)).not.toContain('self-ip');
  });
});

describe('the cluster’s DNS on nodes', () => {
  const dns = [
    {
      address: '172.16.0.1',
      ports: [
        { name: 'dns', protocol: 'UDP' as const, port: 53 },
        { name: 'dns-tcp', protocol: 'TCP' as const, port: 53 },
      ],
    },
  ];
  const usual = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
  };
  const namespaces = { 'kube-system': { 'kubernetes.io/metadata.name': 'kube-system' } };
  const out = (to: object[] | undefined, ports?: object[]): World => ({
    ...world(
      policy(
        'shop/p',
        { policyTypes: ['Egress'], egress: [{ ...(to && { to }), ...(ports && { ports }) }] },
        ofWeb,
      ),
    ),
    ...{ namespaces, dns },
  });
  const port53 = [{ port: 53, protocol: 'UDP' }];
  const query = '172.16.0.1 udp 53';

  it('is what policies mean by pods with the label k8s-app=kube-dns', () => {
    expect(reaches(out([usual], port53), web, query)).toBe(true);
    expect(reaches(out([usual], port53), web, '172.16.0.1 tcp 53')).toBe(false);
    expect(reaches(out([usual]), web, '172.16.0.1 tcp 53')).toBe(true);
    expect(reaches(out([{ namespaceSelector: {} }], port53), web, query)).toBe(true);
    expect(reaches(out([usual], [{ port: 'dns', protocol: 'UDP' }]), web, query)).toBe(true);
    expect(reaches(out(undefined, port53), web, query)).toBe(true);
  });

  it('opens nothing else of the node', () => {
    expect(reaches(out([usual]), web, '172.16.0.1 tcp 6443')).toBe(false);
    expect(reaches(out([{ namespaceSelector: {} }]), web, '172.16.0.1 tcp 22')).toBe(false);
  });

  it('is not what other selectors mean', () => {
    expect(reaches(out([{ podSelector: {} }], port53), web, query)).toBe(false);
    expect(reaches(out([{ ...usual, podSelector: { matchLabels: { app: 'x' } } }]), web, query)).toBe(false);
    expect(reaches(out([{ namespaceSelector: { matchLabels: { team: 'red' } } }]), web, query)).toBe(false);
    expect(reaches(out([usual], [{ port: 80 }]), web, query)).toBe(false);
    expect(reaches(out([usual], [{ port: 'http' }]), web, query)).toBe(false);
  });

  it('is pods where it runs in pods', () => {
    const inPods = {
      ...out([usual], port53),
      pods: [
        ...pods,
        pod('kube-system/coredns', '10.0.2.99', { node: 'two', labels: { 'k8s-app': 'kube-dns' } }),
      ],
      dns: [{ address: '10.0.2.99', ports: dns[0]?.ports ?? [] }],
    };
    expect(reaches(inPods, web, '10.0.2.99 udp 53')).toBe(true);
    expect(reaches(inPods, web, query)).toBe(false);
  });
});
