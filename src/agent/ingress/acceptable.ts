/** One Ingress that the proxy does not take must not keep the others from working. */

import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { IngressObject } from '../../clients/kubernetes/objects.ts';
import { byAge, modelOf } from './model.ts';
import type { IngressModel, IngressSurroundings } from './model.ts';
import type { Proxy, Rendering } from './proxy.ts';

export interface Accepted {
  /** Of all Ingresses, those that are refused included: whether anything has changed. */
  whole: string;
  /** Which the proxy takes. */
  model: IngressModel;
  /** By name of the Ingress: what of it cannot be had. */
  problems: ReadonlyMap<string, readonly string[]>;
}

/**
 * What is checked already tells what is wrong with single Ingresses; this is for what only the proxy knows. When it refuses
 * the whole, they are tried one after the other, the oldest first.
 * @throws Error when it refuses even none of them
 */
export async function acceptable(
  ingresses: readonly IngressObject[],
  around: IngressSurroundings,
  {
    proxy,
    render,
    last,
  }: { proxy: Proxy; render: (model: IngressModel) => Rendering; last: Accepted | undefined },
): Promise<Accepted> {
  const all = modelOf(ingresses, around);
  const whole = JSON.stringify([all, [...all.problems]]);
  if (last?.whole === whole) return last;
  const refused = await proxy.check(render(all));
  if (refused === undefined) return { whole, model: all, problems: all.problems };
  const none = modelOf([], around);
  const without = await proxy.check(render(none));
  if (without !== undefined) throw new Error(`HAProxy takes no configuration: ${without}`);
  let kept: IngressObject[] = [];
  let model = none;
  const problems = new Map(all.problems);
  for (const ingress of [...ingresses].sort(byAge)) {
    const more = [...kept, ingress];
    const tried = modelOf(more, around);
    const reason = await proxy.check(render(tried));
    if (reason === undefined) {
      kept = more;
      model = tried;
    } else {
      const key = keyOf(ingress);
      problems.set(key, [...(problems.get(key) ?? []), `HAProxy refuses it: ${reason}`]);
    }
  }
  return { whole, model, problems };
}
