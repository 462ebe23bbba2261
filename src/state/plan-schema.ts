/**
 * What is checked of a stored plan. Not every field: knest wrote the file, and damage (a file cut off, a wrong edit)
 * nearly always shows in the outer ones.
 */

import * as z from 'zod';

import { parseCidr } from '../formats/cidr.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { recordVersion } from './record-file.ts';

const texts = z.array(z.string());
/** Other clusters are planned beside them. */
const subnets = z.array(z.string().refine(isCidr, 'is no subnet'));
const command = z.looseObject({ why: z.string(), argv: texts });
const commands = z.array(command);
const file = z.looseObject({ path: z.string(), mode: z.number(), content: z.looseObject({}) });

const direct = z.looseObject({
  manager: z.literal('direct'),
  path: z.string(),
  script: z.string(),
  pidFile: z.string(),
  logFile: z.string(),
  cgroups: texts,
  argv: texts,
  started: commands,
});

const systemd = z.looseObject({
  manager: z.literal('systemd'),
  unit: z.string(),
  mount: z.string(),
  files: z.array(file),
  cgroups: texts,
  traces: texts,
});

const machine = z.looseObject({
  name: z.string(),
  role: z.enum(['control-plane', 'worker']),
  slot: z.number(),
  address: z.string(),
  addresses: z.array(z.looseObject({ address: z.string() })),
  podSubnets: texts,
  kubernetesVersion: z.string(),
  ports: z.array(z.looseObject({ hostPort: z.number() })),
  folder: z.string(),
  root: z.string(),
  upper: z.string(),
  work: z.string(),
  layers: texts,
  binds: z.array(z.looseObject({ source: z.string(), target: z.string() })),
  files: z.array(file),
  units: z.array(z.looseObject({ name: z.string(), text: z.string() })),
  probes: z.array(z.looseObject({ says: z.string(), unit: z.string(), argv: texts })),
  liveCommands: commands,
  nodePatch: z.looseObject({ metadata: z.looseObject({}), spec: z.looseObject({}) }),
  run: z.discriminatedUnion('manager', [direct, systemd]),
});

const pki = z.looseObject({
  authorities: z.array(z.looseObject({ name: z.string(), commonName: z.string() })),
  certificates: z.array(z.looseObject({ name: z.string(), authority: z.string() })),
  keyPairs: texts,
});

const host = z.looseObject({
  sysctls: z.array(z.looseObject({ key: z.string(), from: z.string(), to: z.string() })),
  setup: commands,
  teardown: commands,
  afterStop: commands.optional(),
  run: z.discriminatedUnion('manager', [
    z.looseObject({ manager: z.literal('direct') }),
    z.looseObject({
      manager: z.literal('systemd'),
      target: z.string(),
      network: z.string(),
      files: z.array(file),
      sysctls: file,
    }),
  ]),
});

/** A plan but for its machines. */
const cluster = z.looseObject({
  version: z.literal(recordVersion),
  cluster: z.string(),
  kubernetesVersion: z.string(),
  kubernetesReason: z.string(),
  kubernetesLayer: z.string(),
  manager: z.enum(['direct', 'systemd']),
  endpoint: z.string(),
  server: z.string(),
  context: z.string(),
  network: z.looseObject({
    bridge: z.string(),
    nodeSubnets: subnets,
    podSubnets: subnets,
    serviceSubnets: subnets,
    apiAddress: z.string(),
    cni: z.enum(['bridge', 'none']),
  }),
  layers: z.array(
    z.looseObject({ kind: z.enum(['rootfs', 'kubernetes', 'component', 'images']), id: z.string() }),
  ),
  pki,
  host,
});

const plan = cluster.extend({ machines: z.array(machine) });

const spec = z.looseObject({
  name: z.string(),
  kubernetes: z.looseObject({}),
  image: z.looseObject({ suite: z.string() }),
  network: z.looseObject({}),
  components: z.looseObject({}),
  nodes: z.array(
    z.looseObject({
      name: z.string(),
      role: z.enum(['control-plane', 'worker']),
      labels: z.record(z.string(), z.string()),
    }),
  ),
});

function isCidr(text: string): boolean {
  try {
    parseCidr(text);
    return true;
  } catch {
    return false;
  }
}

const keys = z.record(z.string(), z.string());

/** A check that gives back what it was given, or says what is wrong with it: "machines.0.name: ...". */
export type Check<T> = (value: unknown) => { value: T } | { problem: string };

function check<T>(schema: z.ZodType): Check<T> {
  return (value) => {
    const result = schema.safeParse(value);
    // the value itself and not zod's copy: the copy would lack the fields that the schema does not name
    if (result.success) return { value: value as T };
    const [first] = result.error.issues;
    const where = first?.path.join('.') ?? '';
    return { problem: `${where === '' ? '' : `${where}: `}${first?.message ?? ''}` };
  };
}

/** The plan without its machines. */
export type PlanOfCluster = Omit<ClusterPlan, 'machines'>;

/** The sha256 of the key material that a machine was given, by file name. */
export type KeyHashes = Readonly<Record<string, string>>;

export const checkPlan = check<ClusterPlan>(plan);
export const checkSpec = check<ClusterSpec>(spec);
export const checkAppliedHost = check<{ plan: PlanOfCluster }>(z.looseObject({ plan: cluster }));
export const checkAppliedMachine = check<{
  keys?: KeyHashes;
  machine: MachinePlan;
  underway?: MachinePlan;
}>(z.looseObject({ keys: keys.optional(), machine, underway: machine.optional() }));
