import { ingressFolder, ingressUnit } from '../../agent/contract.ts';
import type { AgentConfig } from '../../agent/contract.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import type { ClusterContext, Component, MachineContext } from './component.ts';
import { nothing, pkiFolder, restartAlways } from './component.ts';
import { certificateFiles } from './pki-files.ts';

const certificate = 'knest-ingress';
const configuration = `${ingressFolder}/current/haproxy.cfg`;

/**
 * HAProxy, which knest-agent tells what Ingresses say. On control planes: it needs the keys of TLS Secrets, which the machines
 * of workers must not have, and the API's address leads to one that lives.
 */
export const ingress: Component = (machine, cluster) => {
  if (!servesIngresses(machine, cluster)) return nothing;
  const [family] = familiesOf(machine);
  return {
    ...nothing,
    files: certificateFiles(certificate),
    units: [
      {
        name: ingressUnit,
        // started by knest-agent, when it has written what it reads
        text: renderUnit({
          Unit: {
            Description: 'HAProxy, for Ingresses',
            Documentation: 'man:haproxy(1)',
          },
          Service: {
            Type: 'notify',
            ExecStart: `/usr/sbin/haproxy -Ws -f ${configuration}`,
            ExecReload: [`/usr/sbin/haproxy -c -q -f ${configuration}`, '/bin/kill -USR2 $MAINPID'],
            KillMode: 'mixed',
            // ended by a signal, as systemd does it
            SuccessExitStatus: '143',
            ...restartAlways,
          },
        }),
      },
    ],
    certificates: [
      {
        name: certificate,
        authority: 'ca',
        commonName: certificate,
        organizations: [],
        usages: ['server'],
        dnsNames: [certificate],
        ipAddresses: [cluster.apiAddress],
      },
    ],
    probes: [
      {
        says: 'HAProxy answers for Ingresses',
        unit: ingressUnit,
        // an error is an answer
        argv: ['curl', '-sS', '-o', '/dev/null', `http://${family === 6 ? '[::1]' : '127.0.0.1'}/`],
      },
    ],
  };
};

export function servesIngresses(
  { role }: Pick<MachineContext, 'role'>,
  { spec }: Pick<ClusterContext, 'spec'>,
): boolean {
  return role === 'control-plane' && spec.ingress === true;
}

export function ingressConfiguration(
  machine: Pick<MachineContext, 'addresses'>,
  { apiAddress }: Pick<ClusterContext, 'apiAddress'>,
): NonNullable<AgentConfig['ingress']> {
  return {
    address: apiAddress,
    families: familiesOf(machine),
    certificate: `${pkiFolder}/${certificate}.crt`,
    key: `${pkiFolder}/${certificate}.key`,
  };
}

function familiesOf({ addresses }: Pick<MachineContext, 'addresses'>): (4 | 6)[] {
  return [...new Set(addresses.map(({ address }): 4 | 6 => (address.includes(':') ? 6 : 4)))].sort();
}
