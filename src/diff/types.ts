/** What two plans of a cluster differ in, by host and machine, with what it costs to go from one to the other. */

import type { PlannedFile } from '../plan/types.ts';

/** What is different. */
export type ChangedThing =
  | 'cluster added'
  | 'cluster removed'
  | 'machine added'
  | 'machine removed'
  | 'kubernetes version'
  | 'component version'
  | 'layer'
  | 'bind'
  | 'resources'
  | 'file'
  | 'unit'
  | 'certificate'
  | 'probe'
  | 'route'
  | 'address'
  | 'port'
  | 'role'
  | 'folder'
  | 'manager run'
  | 'node object'
  | 'kernel setting'
  | 'network'
  | 'host unit'
  | 'kubeconfig'
  | 'description';

/** The worst that carrying it out does to what runs, from harmless to not. */
export type Cost = 'none' | 'unit restarted' | 'machine rebooted' | 'pods moved' | 'data lost';

export interface Change {
  what: ChangedThing;
  /** A sentence: "/etc/hosts is written". */
  says: string;
  cost: Cost;
  /** With cost "unit restarted": which ones. */
  units?: readonly string[];
  /** Why it costs that, or why it is done. */
  why: string;
}

/** What is to be done to a machine so that it is as another plan says. */
export interface MachineWork {
  write: readonly PlannedFile[];
  /** Paths inside the machine that the new plan does not have. */
  remove: readonly string[];
  /** Units in the order in which they are ended, and started (again). */
  stop: readonly string[];
  restart: readonly string[];
  /** systemd inside must read its units again. */
  reload: boolean;
  /** Layers, binds or what systemd-nspawn is told are others: it must be off meanwhile. */
  reboot: boolean;
  /** Files of the host that ran it and do no more. */
  removeFromHost: readonly string[];
}

/** A machine that is in one plan only, or in both and not the same. */
export interface MachineDifference {
  name: string;
  kind: 'added' | 'removed' | 'changed';
  changes: readonly Change[];
  work: MachineWork;
}

export interface ClusterChanges {
  /** Of the cluster as a whole: version, certificates, how it is reached. */
  cluster: readonly Change[];
  /** Of what the host lends it: kernel settings, network, units. */
  host: readonly Change[];
  /** In the order of the plans; machines that stay the same are not among them. */
  machines: readonly MachineDifference[];
}

/** By machine: files of the key material that are not what the machine has under the same names. */
export type RenewedKeys = ReadonlyMap<string, ReadonlySet<string>>;
