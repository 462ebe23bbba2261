/** What users and other programs know it by. */

/** Of the Lease in kube-system, of who tells events, and of who sets a status (field manager). */
export const ingressName = 'knest-ingress';

/** spec.controller of the IngressClasses that are ours. */
export const ingressController = 'knest.dev/ingress';

/** The class that the cluster has from its beginning. */
export const ingressClass = 'knest';

/** The unit that runs the proxy; it is started by the agent, once there is something that it can be told. */
export const ingressUnit = 'knest-ingress.service';

/** What the proxy reads. In memory: keys of TLS Secrets are in there. */
export const ingressFolder = '/run/knest-ingress';
