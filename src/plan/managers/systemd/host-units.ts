import { renderExplainedUnit } from '../../../formats/explained-unit.ts';
import type { ExplainedSetting } from '../../../formats/explained-unit.ts';
import { escapeUnitValue } from '../../../formats/unit-name.ts';
import { hostScript } from '../../host-script.ts';
import type { PlannedCommand, PlannedFile, PlannedSysctl, SystemdHostRun } from '../../types.ts';
import type { HostRunInput } from '../types.ts';
import { clusterTarget, networkUnit, rulesUnit, sweepScript, unitFolder, written } from './names.ts';

export interface HostUnitsInput extends HostRunInput {
  /** It is installed here, and takes hold of links that nobody has told it of. */
  networkManager: boolean;
}

/** What the host's systemd knows of a cluster besides its machines: how it begins, and its network. */
export function planHostUnits({
  cluster,
  folder,
  bridge,
  parent,
  networkManager,
  host,
}: HostUnitsInput): SystemdHostRun {
  const target = clusterTarget(cluster);
  const network = networkUnit(cluster);
  const rules = rulesUnit(cluster);
  const scripts = { setup: `${folder}/network/setup.sh`, teardown: `${folder}/network/teardown.sh` };
  return {
    manager: 'systemd',
    target,
    network,
    files: [
      text(scripts.setup, hostScript(host.setup), 0o755),
      text(scripts.teardown, hostScript(host.teardown), 0o755),
      ...(host.afterStop ? [text(sweepScript(folder), hostScript(host.afterStop), 0o755)] : []),
      text(`${unitFolder}/${network}`, networkService({ cluster, parent, scripts })),
      text(`${unitFolder}/${rules}`, rulesService(cluster)),
      text(`${unitFolder}/${target}`, targetUnit(cluster)),
      ...[
        `${target}.wants/${network}`,
        `${target}.wants/${rules}`,
        ...firewalls.map((unit) => `${unit}.wants/${rules}`),
        `machines.target.wants/${target}`,
        `multi-user.target.wants/${target}`,
      ].map((path): PlannedFile => ({
        path: `${unitFolder}/${path}`,
        mode: 0o777,
        content: { link: `../${path.slice(path.indexOf('/') + 1)}` },
      })),
      ...(bridge === undefined
        ? []
        : [text(`/etc/systemd/network/10-knest-${cluster}.network`, unmanaged(cluster, bridge))]),
      ...(bridge === undefined || !networkManager
        ? []
        : [
            text(
              `/etc/NetworkManager/conf.d/10-knest-${cluster}.conf`,
              keptFromNetworkManager(cluster, bridge),
            ),
          ]),
    ],
    ...(bridge === undefined || !networkManager ? {} : { reload: [reloadNetworkManager] }),
    sysctls: text('/etc/sysctl.d/90-knest.conf', sysctlFile(host.sysctls)),
  };
}

/** Services that take the rules of others away when they start: ours come after. */
const firewalls = ['nftables', 'iptables', 'firewalld', 'ufw', 'docker'].map((name) => `${name}.service`);

function networkService({
  cluster,
  parent,
  scripts,
}: {
  cluster: string;
  parent: string | undefined;
  scripts: { setup: string; teardown: string };
}): string {
  const target = clusterTarget(cluster);
  const shell = (script: string): string => `/bin/sh ${escapeUnitValue(script)}`;
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. What its machines need of the network of the host: plain ip and nft commands, ` +
      'to be read in the scripts.',
    {
      Unit: [
        { key: 'Description', value: `Network of Kubernetes cluster ${cluster}` },
        { key: 'PartOf', value: target },
        { key: 'Before', value: target },
        {
          key: 'After',
          value: ['network-pre.target', ...firewalls].join(' '),
          why: 'Firewalls begin by taking away all rules there are.',
        },
        {
          key: 'ReloadPropagatedFrom',
          value: firewalls.join(' '),
          why: `And when they are reloaded. When they are started again: ${rulesUnit(cluster)}.`,
        },
        { key: 'RequiresMountsFor', value: escapeUnitValue(scripts.setup) },
      ],
      Service: [
        { key: 'Type', value: 'oneshot' },
        { key: 'RemainAfterExit', value: 'yes' },
        ...(parent === undefined ? [] : [waitForLink(parent)]),
        { key: 'ExecStart', value: shell(scripts.setup) },
        {
          key: 'ExecReload',
          value: shell(scripts.setup),
          why: 'Does no harm at any time: what is there stays.',
        },
        { key: 'ExecStop', value: shell(scripts.teardown) },
      ],
      Install: [{ key: 'WantedBy', value: target }],
    },
  );
}

/**
 * A unit of its own: PartOf= in that of the network would stop it with the firewall, and its bridge with it. systemd.unit(5):
 * PartOf= hands a restart on, and WantedBy= a start.
 */
function rulesService(cluster: string): string {
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. Its rules are there again when a firewall has taken away all there were, as ` +
      'systemctl restart nftables does.',
    {
      Unit: [
        { key: 'Description', value: `Rules of Kubernetes cluster ${cluster}, after a firewall has started` },
        { key: 'PartOf', value: firewalls.join(' ') },
        { key: 'After', value: [...firewalls, networkUnit(cluster)].join(' ') },
      ],
      Service: [
        { key: 'Type', value: 'oneshot' },
        {
          key: 'RemainAfterExit',
          value: 'yes',
          why: 'Only what is active is restarted.',
        },
        {
          key: 'ExecStart',
          value: `systemctl --no-block try-reload-or-restart ${networkUnit(cluster)}`,
          why: 'Nothing while the network of the cluster is not up.',
        },
      ],
      Install: [{ key: 'WantedBy', value: [clusterTarget(cluster), ...firewalls].join(' ') }],
    },
  );
}

/** At boot drivers may still be on their way. */
function waitForLink(link: string): ExplainedSetting {
  return {
    key: 'ExecStartPre',
    value: escapeUnitValue(
      `/bin/sh -c 'i=0; until ip -o link show dev ${link} up 2> /dev/null | grep -q . || [ $$i = 300 ];` +
        ` do i=$$((i+1)); sleep 0.1; done'`,
    ),
    why: `The machines are on the LAN of ${link}, and nothing on a link that is down can be up. (No .device unit: without udev, as in containers, there is none.)`,
  };
}

function targetUnit(cluster: string): string {
  const target = clusterTarget(cluster);
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. All of it: systemctl stop ${target}; systemctl start ${target}; ` +
      `systemctl disable ${target} and it does not start with the host any more.`,
    {
      Unit: [{ key: 'Description', value: `Kubernetes cluster ${cluster}` }],
      Install: [
        {
          key: 'WantedBy',
          value: 'machines.target multi-user.target',
          why: 'Some distributions do not enable machines.target.',
        },
      ],
    },
  );
}

/** systemd.network(5): a .network file of the host with [Match] Name=* would take the bridge's address away. */
function unmanaged(cluster: string, bridge: string): string {
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. Its bridge is none of systemd-networkd's business.`,
    {
      Match: [{ key: 'Name', value: bridge }],
      Link: [{ key: 'Unmanaged', value: 'yes' }],
    },
  );
}

/**
 * NetworkManager.conf(5). Without it NetworkManager (1.52) takes the links of the machines for network cards and asks
 * for an address on them by DHCP.
 */
function keptFromNetworkManager(cluster: string, bridge: string): string {
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. Its bridge, and what its machines are plugged into it by, are none of ` +
      "NetworkManager's business.",
    {
      keyfile: [
        {
          key: 'unmanaged-devices+',
          value: [bridge, `vb-${`${cluster}-`.slice(0, keptOfName)}*`]
            .map((name) => `interface-name:${name}`)
            .join(';'),
          why: 'With "+", so that what other files say of other links goes on to hold.',
        },
      ],
    },
  );
}

/** Of the name of a long machine: systemd-nspawn puts 4 characters of a hash at the end of the 15 that a link may have. */
const keptOfName = 8;

const reloadNetworkManager: PlannedCommand = {
  why: 'NetworkManager reads its files again; it need not be running',
  argv: ['nmcli', 'general', 'reload', 'conf'],
  mayFail: true,
};

/** sysctl.d(5). */
function sysctlFile(sysctls: readonly PlannedSysctl[]): string {
  const reasons = [...new Set(sysctls.map(({ why }) => why))];
  const head = [
    `# ${written}. Kernel settings that machines with Kubernetes need of this host: inside them /proc/sys is read-only.`,
    '# Removed with the last cluster; what was set before is given back then.',
  ];
  const blocks = reasons.map((reason) =>
    [
      `# ${reason}`,
      ...sysctls.filter(({ why }) => why === reason).map(({ key, to }) => `${key} = ${to}`),
    ].join('\n'),
  );
  return `${[head.join('\n'), ...blocks].join('\n\n')}\n`;
}

function text(path: string, content: string, mode = 0o644): PlannedFile {
  return { path, mode, content: { text: content } };
}
