/** Ports of the host that lead into a machine, in docker's way of writing them. */

import { urlHost } from '../../formats/cidr.ts';
import type { PlannedPort } from '../../plan/types.ts';

/** 127.0.0.1:8080->80/tcp; "*" is every address of the host. */
export function renderPort({ listenAddress, hostPort, machinePort, protocol }: PlannedPort): string {
  const address = listenAddress === undefined ? '*' : urlHost(listenAddress);
  return `${address}:${hostPort}->${machinePort}/${protocol}`;
}
