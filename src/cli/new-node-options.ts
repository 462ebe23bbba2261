/** Flags that say what new nodes are to be like -> NewNodeOptions. */

import type { NewNodeOptions } from '../api/commands.ts';
import { InputError, type Problem } from '../errors.ts';
import { normalizeVersion, versionProblem } from '../spec/kubernetes-version.ts';
import type { Taint } from '../spec/types.ts';
import { labelValueProblem, parseBytes, qualifiedNameProblem, suiteProblem } from '../spec/values.ts';
import type { ChangeFlags } from './node-options.ts';
import { given } from './options.ts';

/** @throws InputError with all that is wrong with them */
export function readChanges(flags: ChangeFlags): NewNodeOptions {
  const problems: Problem[] = [];
  const checked = (
    path: string,
    text: string | undefined,
    problem: (value: string) => string | undefined,
  ) => {
    const message = text === undefined ? undefined : problem(text);
    if (message !== undefined) problems.push({ path, message });
    return text;
  };
  const { label, taint, cpus, memory, ioWeight } = flags;
  const labels = label?.map((text) => parseLabel(text, problems));
  const taints = taint?.map((text) => parseTaint(text, problems));
  const suite = checked('--suite', flags.suite, suiteProblem);
  const version = checked('--kubernetes-version', flags.kubernetesVersion, versionProblem);
  checked('--cpus', cpus, cpusProblem);
  checked('--memory', memory, memoryProblem);
  checked('--io-weight', ioWeight, ioWeightProblem);
  if (problems.length > 0) throw new InputError('The flags', problems);
  const resources = given({
    cpus: cpus === undefined ? undefined : Number(cpus),
    memory: memory === undefined ? undefined : parseBytes(memory),
    ioWeight: ioWeight === undefined ? undefined : Number(ioWeight),
  });
  return given({
    labels: labels && Object.fromEntries(labels),
    taints,
    suite,
    kubernetesVersion: version === undefined ? undefined : normalizeVersion(version),
    resources: Object.keys(resources).length === 0 ? undefined : resources,
  });
}

function parseLabel(text: string, problems: Problem[]): [string, string] {
  const at = text.indexOf('=');
  const [key, value] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  const message = at === -1 ? `"${text}" is no label like disk=ssd` : keyAndValueProblem(key, value);
  if (message !== undefined) problems.push({ path: '--label', message });
  return [key, value];
}

/** kubectl's way of writing them: key=value:effect, or key:effect. */
function parseTaint(text: string, problems: Problem[]): Taint {
  const [, key = '', value = '', effect = ''] = /^([^=:]*)(?:=([^:]*))?:(.*)$/.exec(text) ?? [];
  const known = (['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const).find((one) => one === effect);
  const message = known
    ? keyAndValueProblem(key, value)
    : `"${text}" is no taint like dedicated=db:NoSchedule (effects: NoSchedule, PreferNoSchedule, NoExecute)`;
  if (message !== undefined) problems.push({ path: '--taint', message });
  return { key, value, effect: known ?? 'NoSchedule' };
}

function keyAndValueProblem(key: string, value: string): string | undefined {
  return qualifiedNameProblem(key) ?? labelValueProblem(value);
}

function cpusProblem(text: string): string | undefined {
  return /^\d+(\.\d+)?$/.test(text) && Number(text) > 0 ? undefined : `"${text}" is no number of processors`;
}

function memoryProblem(text: string): string | undefined {
  return parseBytes(text) === undefined ? `"${text}" is no size like 2Gi or 512Mi` : undefined;
}

/** systemd.resource-control(5), IOWeight= */
function ioWeightProblem(text: string): string | undefined {
  const sound = /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000;
  return sound ? undefined : `"${text}" is no whole number from 1 to 10000`;
}
