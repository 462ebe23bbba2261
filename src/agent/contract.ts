/** What knest has to know of its agent in the nodes: the files that configure it, and what it prints. */

export type { ObjectsFile } from './apply-objects.ts';
export type { BackupConfig } from './backup/config.ts';
export type { AgentConfig } from './config.ts';
export type { CertificatesConfig } from './certificates/config.ts';
export { renewalSigner } from './certificates/config.ts';
export type { NodeImage } from './images/list-images.ts';
export type { ManifestsFile } from './manifests/apply-manifests.ts';
export type { ApiAccess } from './kubernetes/open-api.ts';
export { ingressClass, ingressController, ingressFolder, ingressName, ingressUnit } from './ingress/names.ts';
export { balancerName } from './load-balancer/names.ts';
