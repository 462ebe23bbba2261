import { renderCommand, renderUnit } from '../../formats/systemd-unit.ts';
import type { Flags, UnitSection } from '../../formats/systemd-unit.ts';
import type { PlannedUnit } from '../types.ts';
import { k8sTarget, restartAlways } from './component.ts';

interface UnitOfProgram {
  description: string;
  flags: Flags;
  /** When it starts: Wants=, After=. */
  order: UnitSection;
  /** Given the command line, that which runs it. */
  wrap?: (command: string) => string;
  /** "notify" for a program that tells systemd when it is ready. */
  type?: 'notify';
  /** Variables: "NAME=value". */
  environment?: readonly string[];
  /** What stands before ExecStart=: commands to run first, volumes. */
  before?: UnitSection;
  /** What stands after it: limits, time-outs. */
  after?: UnitSection;
}

/**
 * The unit of a program of Kubernetes: started with the node, restarted for ever. An administrator adds flags in
 * /etc/kubernetes/PROGRAM.env.
 * @param program its name in /usr/local/bin: "kube-proxy"
 */
export function kubernetesUnit(
  program: string,
  {
    description,
    flags,
    order,
    wrap = (command) => command,
    type,
    environment = [],
    before,
    after,
  }: UnitOfProgram,
): PlannedUnit {
  const variable = `${program.toUpperCase().replaceAll('-', '_')}_ARGS`;
  return {
    name: `${program}.service`,
    wantedBy: k8sTarget,
    text: renderUnit({
      Unit: { Description: description, Documentation: referencePage(program), ...order },
      Service: {
        ...(type && { Type: type }),
        ...extraArguments(program, variable, environment),
        ...before,
        ExecStart: wrap(renderCommand(`/usr/local/bin/${program}`, flags, `$${variable}`)),
        ...restartAlways,
        ...after,
      },
    }),
  };
}

/**
 * More flags without editing the unit: `KUBELET_ARGS=--v=4` in /etc/kubernetes/kubelet.env. The command line ends with
 * the variable.
 */
function extraArguments(component: string, variable: string, environment: readonly string[]) {
  return {
    Environment: [`${variable}=`, ...environment],
    EnvironmentFile: `-/etc/kubernetes/${component}.env`,
  } as const;
}

/** Page of a component in Kubernetes' own reference. */
function referencePage(component: string): string {
  return `https://kubernetes.io/docs/reference/command-line-tools-reference/${component}/`;
}
