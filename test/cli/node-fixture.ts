import type { NodeSummary } from '../../src/operations/types.ts';

export const node: NodeSummary = {
  name: 'demo-control-plane',
  cluster: 'demo',
  role: 'control-plane',
  state: 'running',
  status: 'Ready',
  kubeletVersion: 'v1.20.2',
  components: { containerd: '1.7.24' },
  address: '10.90.0.2',
  addresses: ['10.90.0.2'],
  podSubnets: ['10.91.0.0/24'],
  ports: [],
  leader: 4711,
};
