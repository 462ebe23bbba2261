import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { KubernetesObject } from '../../clients/kubernetes/objects.ts';
import { createIfMissing, pathOf } from '../apply-objects.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import { log } from '../log.ts';
import { oneAtATime } from '../one-at-a-time.ts';

/** apiregistration.k8s.io/v1 */
export interface ApiServiceObject extends KubernetesObject {
  spec?: { service?: { namespace?: string; name?: string; port?: number } };
}

/** Milliseconds: whoever deletes and makes anew (kubectl replace --force) shall not find that somebody was faster. */
const usualDelay = 5000;

/**
 * Makes the APIService that leads to this agent whenever there is none. One that leads elsewhere is that of a metrics-server,
 * and stays as it is, but for our port where that is left over.
 * @returns once there is one
 */
export async function keepRegistered(
  api: KubernetesClient,
  own: ApiServiceObject,
  delay = usualDelay,
): Promise<void> {
  const name = own.metadata?.name ?? '';
  let current: ApiServiceObject | undefined;
  let registered = (): void => undefined;
  const whenRegistered = new Promise<void>((resolve) => {
    registered = resolve;
  });
  const register = oneAtATime(`APIService ${name}`, async () => {
    if (current === undefined) await createIfMissing(api, own);
    else if (hasOurPort(current, own)) await api.patch(pathOf(own), { spec: { service: { port: null } } });
  });
  await keepWatching<ApiServiceObject>(
    api,
    pathOf(own).replace(/\/[^/]*$/, ''),
    {
      set: (object) => {
        const before = current && serviceOf(current);
        current = object;
        registered();
        if (hasOurPort(object, own)) register();
        const now = serviceOf(object);
        if (now === before) return;
        if (now === serviceOf(own)) log.info(`${name} is answered here`);
        else log.info(`${name} is answered by ${now}, and not here as long as that is so`);
      },
      delete: () => {
        current = undefined;
        setTimeout(register, delay);
      },
    },
    { fields: `metadata.name=${name}` },
  );
  if (current === undefined) register();
  await whenRegistered;
}

/**
 * metrics-server's manifests name no port and mean 443. Applied over this object they leave its port there, at which nobody
 * listens for that Service.
 */
function hasOurPort(current: ApiServiceObject, own: ApiServiceObject): boolean {
  return serviceOf(current) !== serviceOf(own) && current.spec?.service?.port === own.spec?.service?.port;
}

function serviceOf({ spec }: ApiServiceObject): string {
  return spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'the API server';
}
