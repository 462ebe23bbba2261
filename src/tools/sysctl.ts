/** Kernel settings through /proc/sys (proc_sys(5)); needs no sysctl(8), which minimal hosts lack. */

import type { Host } from '../host/types.ts';

/** The file of a setting: "net.ipv4.ip_forward" or, where a part has dots in it, "net/ipv4/conf/eth0.5/forwarding". */
function sysctlPath(key: string): string {
  return `/proc/sys/${key.includes('/') ? key : key.replaceAll('.', '/')}`;
}

/** The present value; undefined when the kernel has no such setting. */
export async function readSysctl(host: Host, key: string): Promise<string | undefined> {
  return (await host.readFile(sysctlPath(key)))?.trim();
}

/** tee(1): Host.writeFile replaces the file by a new one, which /proc doesn't allow. */
function writeSysctlCommand(key: string): string[] {
  return ['tee', sysctlPath(key)];
}

/** @throws CommandError when the kernel refuses the value or the caller. */
export async function writeSysctl(host: Host, key: string, value: string): Promise<void> {
  await host.run(writeSysctlCommand(key), { input: `${value}\n` });
}
