/** Networks on a LAN (macvlan): what goes together with addresses by DHCP. */

import type { Problem } from '../../errors.ts';
import type { At } from '../problems.ts';
import type { Config } from '../schema.ts';
import { ipFamilyOf } from './networks.ts';

type ValidConfig = Partial<Config>;

/** DHCP without a LAN, beside what only static addresses need, or with an API that would have no address to stay at. */
export function lanProblems(config: ValidConfig, at: At): Problem[] {
  const { network = {}, nodes = [] } = config;
  const { mode = 'bridge', dhcp = false, apiServer = {} } = network;
  const ofDhcp = at(['network', 'dhcp']);
  const { path } = ofDhcp;
  const ofApi = at(['network', 'apiServer', 'address']);
  if (!dhcp) {
    return apiServer.address === undefined
      ? []
      : [{ ...ofApi, message: `is for addresses by DHCP (${path}); otherwise the cluster chooses it` }];
  }
  if (!mode.startsWith('macvlan:')) {
    const message = `needs ${at(['network', 'mode']).path} macvlan:LINK, a link of this host whose LAN has a DHCP server`;
    return [{ ...ofDhcp, message }];
  }
  const superfluous = (['nodeSubnet', 'gateway'] as const).filter((key) => network[key] !== undefined);
  const controlPlanes = nodes.filter(({ role }) => role === 'control-plane').length;
  return [
    ...superfluous.map((key) => ({
      ...at(['network', key]),
      message: `does not go with ${path}: the DHCP server says it`,
      hint: 'leave one of the two out',
    })),
    ...(ipFamilyOf(config) === 'ipv4'
      ? []
      : [{ ...at(['network', 'ipFamily']), message: `must be ipv4 with ${path}` }]),
    ...(controlPlanes > 1 && apiServer.address === undefined
      ? [{ ...apiWithoutAddress(controlPlanes), ...ofApi }]
      : []),
  ];
}

/** Also for control planes that are added later. */
export function apiWithoutAddress(controlPlanes: number): Problem {
  return {
    path: 'network.apiServer.address',
    message: `is needed for ${controlPlanes} control planes with addresses by DHCP: they share an address for the API`,
    hint: 'in the config file, one of the LAN that its DHCP server does not give away',
  };
}
