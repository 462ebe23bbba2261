import type { Announcement } from './announce.ts';
import type { PodObject } from '../../clients/kubernetes/objects.ts';
import { podRecord } from './records.ts';
import type { PodRecord } from './records.ts';

/** Pods as the API server has them, with addresses that it does not know yet. */
export interface PodStore {
  all: () => PodRecord[];
  /** The pod that is meant, if it is known. */
  find: (announcement: Announcement) => PodRecord | undefined;
  /** Whether that changes anything. */
  set: (object: PodObject) => boolean;
  delete: (object: PodObject) => void;
  /** These addresses count until the API server says the same; from then on what it says counts. */
  announce: (announcement: Announcement) => void;
}

export function podStore(): PodStore {
  const pods = new Map<string, PodRecord>();
  const announced = new Map<string, Announcement>();

  const isMeant = ({ uid }: Announcement, pod: PodRecord): boolean => uid === undefined || uid === pod.uid;
  const complete = (pod: PodRecord): PodRecord => {
    const key = keyOf(pod);
    const announcement = announced.get(key);
    if (!announcement || !isMeant(announcement, pod)) return pod;
    const isConfirmed = announcement.addresses.every((address) => pod.addresses.includes(address));
    if (pod.networkless || isConfirmed) {
      announced.delete(key);
      return pod;
    }
    return { ...pod, addresses: announcement.addresses };
  };
  return {
    all: () => [...pods.values()],
    find: (announcement) => {
      const pod = pods.get(keyOf(announcement));
      return pod && isMeant(announcement, pod) ? pod : undefined;
    },
    set: (object) => {
      const pod = complete(podRecord(object));
      const before = pods.get(keyOf(pod));
      pods.set(keyOf(pod), pod);
      // pods change more often than those of their fields that count here
      return JSON.stringify(before) !== JSON.stringify(pod);
    },
    delete: ({ metadata }) => {
      const key = keyOf({ namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' });
      const pod = pods.get(key);
      const announcement = announced.get(key);
      // keep the announcement of the next pod of that name (StatefulSets), which may have come already
      if (pod && announcement && isMeant(announcement, pod)) announced.delete(key);
      pods.delete(key);
    },
    announce: (announcement) => {
      const key = keyOf(announcement);
      announced.set(key, announcement);
      const pod = pods.get(key);
      if (pod) pods.set(key, complete(pod));
    },
  };
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}
