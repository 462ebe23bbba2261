import { expect, it } from 'vitest';

import { renderChange, renderWhole } from '../../../src/agent/network-policy/render.ts';
import type { Ruleset } from '../../../src/agent/network-policy/ruleset.ts';
import { pod, policy, rulesOn } from './cluster.ts';

const allow = policy(
  'shop/allow',
  {
    ingress: [{ from: [{ podSelector: {} }, { ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 80 }] }],
  },
  { matchLabels: { app: 'web' } },
);
const web = pod('shop/web', '10.0.1.1', { labels: { app: 'web' } });
const client = pod('shop/client', '10.0.1.2');

function rules(...pods: (typeof web)[]): Ruleset {
  const found = rulesOn({ pods, policies: [allow], families: [4] });
  if (!found) throw new Error('no rules');
  return found;
}

it('makes the table anew in one transaction', () => {
  expect(renderWhole(rules(web, client))).toBe(`table inet knest_policy
delete table inet knest_policy
table inet knest_policy {
  set pods-1-ip { type ipv4_addr; }
  set self-ip { type ipv4_addr . ipv4_addr; }
  map egress-ip { type ipv4_addr : verdict; }
  map ingress-ip { type ipv4_addr : verdict; }
  chain ingress-1 {
    ip saddr @pods-1-ip tcp dport { 80 } return comment "shop/allow"
    ip saddr { 192.0.2.0/24 } tcp dport { 80 } return comment "shop/allow"
    counter drop comment "no policy allows it"
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    ip saddr . ip daddr @self-ip accept
    ip saddr vmap @egress-ip
    ip daddr vmap @ingress-ip
  }
}
add element inet knest_policy pods-1-ip { 10.0.1.1, 10.0.1.2 }
add element inet knest_policy self-ip { 10.0.1.1 . 10.0.1.1 }
add element inet knest_policy ingress-ip { 10.0.1.1 : jump ingress-1 }
`);
});

it('takes it away when there is nothing to enforce', () => {
  expect(renderWhole(undefined)).toBe('table inet knest_policy\ndelete table inet knest_policy\n');
});

it('changes only the elements when pods come and go', () => {
  const later = pod('shop/later', '10.0.1.3', { labels: { app: 'web' } });
  expect(renderChange(rules(web, client), rules(web, later)))
    .toBe(`delete element inet knest_policy pods-1-ip { 10.0.1.2 }
add element inet knest_policy pods-1-ip { 10.0.1.3 }
add element inet knest_policy self-ip { 10.0.1.3 . 10.0.1.3 }
add element inet knest_policy ingress-ip { 10.0.1.3 : jump ingress-1 }
`);
  expect(renderChange(rules(web, client), rules(web, client))).toBe('');
});

it('makes all of it anew when policies change', () => {
  const wider = rulesOn({
    pods: [web],
    policies: [allow, policy('shop/any', { ingress: [{}] })],
    families: [4],
  });
  expect(wider && renderChange(rules(web), wider)).toMatch(/^table .*\ndelete table/);
});

it('keeps names of any length within what nft takes', () => {
  const name = 'x'.repeat(253);
  const long = rulesOn({ pods: [web], policies: [policy(`shop/${name}`, { ingress: [{}] })] });
  const comments = [...(long ? renderWhole(long) : '').matchAll(/comment "([^"]*)"/g)].map(
    ([, text]) => text,
  );
  expect(comments[0]).toMatch(/^shop\/x+$/);
  expect(Math.max(...comments.map((text = '') => text.length))).toBeLessThan(128);
});
