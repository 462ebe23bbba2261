import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { KubernetesObject } from '../../clients/kubernetes/objects.ts';
import { keepWatching } from './keep-watching.ts';
import type { Selector } from './keep-watching.ts';

/**
 * What changes of objects do to a state that is kept of them. It touches nothing else, and says whether the change
 * matters: objects change more often than what is read of them.
 */
export interface Reducer<T> {
  /** New or changed. */
  set: (object: T) => boolean;
  /** Gone; perhaps only its name and namespace are known. */
  delete: (object: KubernetesObject) => boolean;
}

/**
 * Keeps a state as the API server has the objects at a path, for as long as the process lives.
 * @param changed called after each change that matters
 * @returns when everything that is there is in the state
 */
export function watchInto<T extends KubernetesObject>(
  api: KubernetesClient,
  path: string,
  reducer: Reducer<T>,
  changed: () => void,
  selector: Selector = {},
): Promise<void> {
  return keepWatching<T>(
    api,
    path,
    {
      set: (object) => {
        if (reducer.set(object)) changed();
      },
      delete: (object) => {
        if (reducer.delete(object)) changed();
      },
    },
    selector,
  );
}
