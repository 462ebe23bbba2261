/** What a run of knest tells while it works; the CLI renders it, a library user may listen. */

/**
 * Which step it is, for listeners that act on some of them. What stands behind "/" is the name of a layer, a machine, or a
 * machine and a file. Programs that read them from another version of knest must expect others.
 */
export type StepId =
  /** The host gets the packages that it lacks. */
  | 'packages'
  /** Which packages a Debian system (SUITE) would be made of is looked up. */
  | `packages/${string}`
  /** A bundle is written or read. */
  | 'bundle'
  /** A part of a backup is made (PART: etcd, file) or read (PART: read, check). */
  | `backup/${string}`
  /** A part of a cluster is restored from a backup (PART: keys, etcd, volumes). */
  | `restore/${string}`
  /** What is in layers is read, to lock them. */
  | 'lock'
  /** A layer of the nodes' file systems is built: the Debian system, Kubernetes, archives of images. */
  | `layer/${string}`
  /** A DHCP server is asked for the addresses of the nodes. */
  | 'leases'
  /** Keys and certificates are made. */
  | 'certificates'
  /** Authorities are exchanged: a stage of that, on a node. */
  | `certificates/${string}`
  /** The host gets the cluster's network and units. */
  | 'network'
  /** A machine is made and started. */
  | `machine/${string}`
  /** A stopped machine is started again. */
  | `start/${string}`
  /** A machine is stopped; it stays. */
  | `stop/${string}`
  /** A control plane that was restarted is a healthy member of etcd again. */
  | `rejoin/${string}`
  /** The kubeconfig gets the cluster's context. */
  | 'kubeconfig'
  /** The nodes that the command is about become Ready. */
  | 'ready'
  /** After that, all other nodes. */
  | 'ready/others'
  /** The namespace "default" gets its service account: pods can be created. */
  | 'usable'
  /** The nodes load the images that they come with. */
  | 'images'
  /** The objects of the config's manifests are applied. */
  | 'manifests'
  /** An archive of images is loaded into a machine (MACHINE/FILE). */
  | `load/${string}`
  /** Logs are gathered: of the host, of the API server (cluster), of a machine. */
  | `logs/${string}`
  /** Machines go on with the addresses that DHCP gives them now. */
  | 'addresses'
  /** etcd learns the new address of its only member. */
  | 'etcd'
  /** The other nodes learn of nodes that were added. */
  | 'others'
  /** A machine is deleted together with its cluster. */
  | `delete/${string}`
  /** The host loses the cluster's network and units. */
  | 'delete/network'
  /** What a cluster is before it is changed is kept, with etcd's data. */
  | 'snapshot'
  /** etcd's data is brought back to what it was; all control planes are off. */
  | 'restore'
  /** A machine that stays is brought to a new plan (NODE/PART). */
  | `change/${string}/${ChangePart}`
  /** What it takes to delete one node of a cluster that stays (NODE/PART). */
  | `delete-node/${string}/${DeleteNodePart}`;

/** drain: its pods are evicted; machine: files, units, a restart; well: it is Ready and takes pods again. */
export type ChangePart = 'drain' | 'machine' | 'well';

/**
 * drain: its pods are evicted; etcd: it leaves etcd; machine; object: the Node in the API; others: other nodes forget it;
 * record: knest does, where other nodes are told later.
 */
export type DeleteNodePart = 'drain' | 'etcd' | 'machine' | 'object' | 'others' | 'record';

export type StepEvent =
  | { type: 'started'; id: StepId; title: string }
  /** Something new about a step under way: "compiled 812 of 2119 packages". */
  | { type: 'progress'; id: StepId; message: string }
  | { type: 'done'; id: StepId; title: string; seconds: number }
  /** Nothing to do: it was done already. */
  | { type: 'skipped'; id: StepId; title: string }
  | { type: 'failed'; id: StepId; title: string; seconds: number; error: unknown }
  /** A remark outside any step: a choice made and why, a warning. */
  | { type: 'note'; level: 'info' | 'warning'; message: string };

export type Listener = (event: StepEvent) => void;

/** What a step's work gets: a way to tell how far it is. */
export type Progress = (message: string) => void;
