/** What users and other programs know it by. */

/** Of the Lease and the ConfigMap in kube-system, of who tells events, and of who sets a status (field manager). */
export const balancerName = 'knest-load-balancer';

/** spec.loadBalancerClass of Services that are ours besides those that have none. */
export const ownClass = 'knest.dev/load-balancer';

/** Annotation: addresses that a Service asks for, with commas in between; spec.loadBalancerIP is for one. */
export const askAnnotation = 'knest.dev/load-balancer-addresses';
