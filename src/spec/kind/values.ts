/** Values as kind and kubeadm write them. */

import { isMapping } from '../../formats/mapping.ts';

/** A mapping without some of its keys. */
export function without(
  mapping: Record<string, unknown>,
  ...keys: readonly string[]
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(mapping).filter(([key]) => !keys.includes(key)));
}

/** Go leaves out what is empty: "" and null are as good as nothing. */
export function given<T>(value: T | undefined): T | undefined {
  return value === '' || value === null ? undefined : value;
}

/** Data without mappings' keys that have no value; labels have an empty one then, as Go has it. */
export function withoutNulls(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(withoutNulls);
  if (!isMapping(data)) return data;
  return Object.fromEntries(
    Object.entries(data)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [
        key,
        key === 'labels' && isMapping(value) ? emptyForNull(value) : withoutNulls(value),
      ]),
  );
}

function emptyForNull(labels: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, value ?? '']));
}

/** "my-taint=presence:NoSchedule,other:NoExecute" (kubelet --register-with-taints); undefined when it is no such list. */
export function parseTaints(text: string): { key: string; value: string; effect: string }[] | undefined {
  const parts = text.split(',').filter((part) => part !== '');
  const taints = parts.map((part) => /^([^=:]+)(?:=([^:]*))?:(.+)$/.exec(part));
  if (taints.some((taint) => taint === null)) return undefined;
  return taints.map((taint) => ({
    key: taint?.[1] ?? '',
    value: taint?.[2] ?? '',
    effect: taint?.[3] ?? '',
  }));
}

/** "a=b,c=" (kubelet --node-labels); undefined when it is no such list. */
export function parseLabels(text: string): Record<string, string> | undefined {
  const parts = text.split(',').filter((part) => part !== '');
  const pairs = parts.map((part) => /^([^=]+)(?:=(.*))?$/.exec(part));
  if (pairs.some((pair) => pair === null)) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1]?.trim() ?? '', pair?.[2]?.trim() ?? '']));
}

/** "kindest/node:v1.20.2@sha256:..." -> "v1.20.2"; undefined when the tag says no version. */
export function versionOfImage(image: string): string | undefined {
  const tag = /:([^:/@]+)(?:@.*)?$/.exec(image.replace(/@.*$/, ''))?.[1];
  return tag !== undefined && /^v?\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$/.test(tag) ? tag : undefined;
}
