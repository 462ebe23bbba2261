/** ip(8) of iproute2, asked for JSON (`-j`): what links, addresses and routes a host has. */

import * as z from 'zod';

import { asSubnet } from '../formats/cidr.ts';

export const addressesCommand = ['ip', '-j', 'address', 'show'] as const;

/** Only links that hold the address (ip-address(8), "show ... to PREFIX"). */
export function findAddressCommand(address: string): string[] {
  return [...addressesCommand, 'to', address];
}

/** Of one link. */
export function addressesOfLinkCommand(link: string): string[] {
  return [...addressesCommand, 'dev', link];
}

export function defaultRoutesCommand(link: string): string[] {
  return ['ip', '-j', '-4', 'route', 'show', 'default', 'dev', link];
}

/** All tables: VPN clients keep their routes in tables of their own. */
export const routesCommand = ['ip', '-j', 'route', 'show', 'table', 'all'] as const;

const links = z.array(
  z.object({
    ifname: z.string().optional(),
    flags: z.array(z.string()).optional(),
    /** The bridge or bond that it is a port of. */
    master: z.string().optional(),
    addr_info: z
      .array(z.object({ local: z.string().optional(), prefixlen: z.number().optional() }))
      .optional(),
  }),
);

const routes = z.array(
  z.object({
    dst: z.string(),
    dev: z.string().optional(),
    type: z.string().optional(),
    /** Who made it; of default routes, "ra": the kernel, told by a router's advertisement. */
    protocol: z.string().optional(),
    gateway: z.string().optional(),
    prefsrc: z.string().optional(),
    metric: z.number().optional(),
    table: z.string().optional(),
    nexthops: z.array(z.object({ dev: z.string().optional() })).optional(),
  }),
);

export interface LinkWithAddresses {
  name: string;
  up: boolean;
  master: string | undefined;
  addresses: readonly { address: string; prefixLength: number }[];
}

export interface Route {
  /** A CIDR; single addresses as /32 or /128. Default routes are left out. */
  destination: string;
  /** Undefined for routes that lead nowhere: unreachable, blackhole, prohibit. */
  link: string | undefined;
}

/** @throws an Error when the text is not what `ip -j address` prints. */
export function parseAddresses(json: string): LinkWithAddresses[] {
  return links.parse(parseJson(json)).flatMap(({ ifname, flags = [], master, addr_info: addresses = [] }) => {
    // ip -j leaves an empty object where a link was filtered out
    if (ifname === undefined) return [];
    const complete = addresses.flatMap(({ local, prefixlen }) =>
      local === undefined || prefixlen === undefined ? [] : [{ address: local, prefixLength: prefixlen }],
    );
    return [{ name: ifname, up: flags.includes('UP'), master, addresses: complete }];
  });
}

/** Where the host sends what; not its own addresses, nor broadcast, multicast and default routes. @throws an Error */
export function parseRoutes(json: string): Route[] {
  return routes
    .parse(parseJson(json))
    .filter(
      ({ type, table }) => table !== 'local' && !['broadcast', 'multicast', 'local'].includes(type ?? ''),
    )
    .filter(({ dst }) => !isDefault(dst))
    .map(({ dst, dev, nexthops }) => ({
      destination: dst.includes('/') ? dst : asSubnet(dst),
      link: dev ?? nexthops?.find((hop) => hop.dev !== undefined)?.dev,
    }));
}

/** The router of the first default route; undefined when there is none. @throws an Error */
export function parseGateway(json: string): string | undefined {
  return routes.parse(parseJson(json)).find(({ dst }) => isDefault(dst))?.gateway;
}

/**
 * The IPv4 default route that is used: of those in the main table the one with the lowest metric. `source`: the address
 * that the route itself names. @throws an Error
 */
export function parseDefaultRoute(json: string): { link: string; source: string | undefined } | undefined {
  const [best] = routes
    .parse(parseJson(json))
    .filter(
      ({ dst, table, gateway }) =>
        isDefault(dst) && dst !== '::/0' && table === undefined && gateway?.includes(':') !== true,
    )
    .filter(({ protocol, type }) => protocol !== 'ra' && type === undefined)
    .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
  return best?.dev === undefined ? undefined : { link: best.dev, source: best.prefsrc };
}

/** Links with a default route learnt from a router's advertisement (IPv6 only). @throws an Error */
export function parseRouterLinks(json: string): string[] {
  const learnt = routes
    .parse(parseJson(json))
    .filter(({ dst, protocol }) => isDefault(dst) && protocol === 'ra');
  return [
    ...new Set(learnt.flatMap(({ dev, nexthops = [] }) => [dev, ...nexthops.map((hop) => hop.dev)])),
  ].filter((link) => link !== undefined);
}

function isDefault(destination: string): boolean {
  return ['default', '0.0.0.0/0', '::/0'].includes(destination);
}

/** iproute2 before 4.20 prints nothing at all for an empty list. */
function parseJson(text: string): unknown {
  return text.trim() === '' ? [] : JSON.parse(text);
}

/** ip-link(8): takes a link away, and with one end of a veth pair the other. @param name or alternative name */
export function deleteLinkCommand(name: string): string[] {
  return ['ip', 'link', 'delete', 'dev', name];
}
