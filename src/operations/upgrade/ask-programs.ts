/**
 * Whether Kubernetes of another version takes the flags and feature gates that the user gave the present one: its own
 * programs say so, before anything is stopped. Tables of what was removed are never complete.
 */

import { layerPath } from '../../artifacts/layer-info.ts';
import { binariesFolder } from '../../artifacts/sources/binaries.ts';
import type { MachinePlan, Paths } from '../../plan/types.ts';
import type { Host } from '../../host/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { flagFault, gateFault, tryFlagCommand, tryGatesCommand } from '../../tools/kubernetes-programs.ts';
import type { KubernetesProgram } from '../../tools/kubernetes-programs.ts';
import type { UpgradeProblem } from './types.ts';

type Settings = Exclude<keyof ClusterSpec['components'], 'containerd' | 'etcd' | 'sources' | 'mirror'>;

const programs: readonly { program: KubernetesProgram; settings: Settings; everywhere: boolean }[] = [
  { program: 'kube-apiserver', settings: 'kubeApiserver', everywhere: false },
  { program: 'kube-controller-manager', settings: 'kubeControllerManager', everywhere: false },
  { program: 'kube-scheduler', settings: 'kubeScheduler', everywhere: false },
  { program: 'kube-proxy', settings: 'kubeProxy', everywhere: true },
  { program: 'kubelet', settings: 'kubelet', everywhere: true },
];

/** A question to a program of one layer. */
interface Question {
  program: KubernetesProgram;
  path: string;
  version: string;
  /** Where the config says it. */
  place: string;
  flags: Readonly<Record<string, string>>;
  gates: Readonly<Record<string, boolean>>;
}

/** Milliseconds: they end at once, on a busy host a little later. */
const timeout = 30_000;

/** @param machines those that get other programs, as they will be; their layers are in the cache */
export async function askPrograms(
  { host, paths }: { host: Host; paths: Paths },
  spec: ClusterSpec,
  machines: readonly MachinePlan[],
  kubernetesLayers: ReadonlySet<string>,
): Promise<UpgradeProblem[]> {
  const problems: UpgradeProblem[] = [];
  for (const question of questionsOf(spec, machines, kubernetesLayers, paths)) {
    problems.push(...(await askFlags(host, question)), ...(await askGates(host, question)));
  }
  return problems;
}

/** Each once: machines of one version have the same programs. */
function questionsOf(
  { components, kubernetes, nodes }: ClusterSpec,
  machines: readonly MachinePlan[],
  kubernetesLayers: ReadonlySet<string>,
  paths: Paths,
): Question[] {
  const questions = machines.flatMap((machine) => {
    const layer = machine.layers.find((id) => kubernetesLayers.has(id));
    const own = nodes.find(({ name }) => name === machine.name)?.kubelet.extraArgs ?? {};
    if (layer === undefined) return [];
    const folder = `${layerPath(paths, layer)}${binariesFolder}`;
    return programs
      .filter(({ everywhere }) => everywhere || machine.role === 'control-plane')
      .map(({ program, settings }): Question => ({
        program,
        path: `${folder}/${program}`,
        version: machine.kubernetesVersion,
        place: `components.${settings}.extraArgs`,
        flags: { ...components[settings].extraArgs, ...(program === 'kubelet' ? own : {}) },
        gates: kubernetes.featureGates,
      }));
  });
  return [...new Map(questions.map((question) => [JSON.stringify(question), question])).values()];
}

async function askFlags(
  host: Host,
  { program, path, version, place, flags }: Question,
): Promise<UpgradeProblem[]> {
  const problems: UpgradeProblem[] = [];
  for (const [flag, value] of Object.entries(flags)) {
    const fault = flagFault(await outputOf(host, tryFlagCommand(path, flag, value)));
    if (fault === undefined) continue;
    problems.push({
      check: 'flags',
      message: `${place}.${flag}: ${program} ${version} says "${fault}"`,
      hint: 'take it out of the config first: knest edit cluster, or knest apply',
    });
  }
  return problems;
}

async function askGates(host: Host, { program, path, version, gates }: Question): Promise<UpgradeProblem[]> {
  const problems: UpgradeProblem[] = [];
  const left = new Map(Object.entries(gates));
  // it says one at a time
  while (left.size > 0) {
    const argv = tryGatesCommand(program, path, Object.fromEntries(left));
    const fault = gateFault(await outputOf(host, argv));
    if (!fault || !left.delete(fault.gate)) break;
    problems.push({
      check: 'feature-gates',
      message: `featureGates.${fault.gate}: ${program} ${version} ${fault.why}`,
      hint: 'take it out of the config first: knest edit cluster, or knest apply',
    });
  }
  return problems;
}

/** What it says, on both streams; one that does not end says nothing. */
async function outputOf(host: Host, argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await host.run(argv, { okExitCodes: 'any', timeout });
  return `${stderr}\n${stdout}`;
}
