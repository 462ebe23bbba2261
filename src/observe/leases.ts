import type { MachineManager } from '../managers/types.ts';
import { CommandError, KnestError } from '../errors.ts';
import type { Lease } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import type { MachinePlan } from '../plan/types.ts';
import { addressesOfLinkCommand, defaultRoutesCommand, parseAddresses, parseGateway } from '../tools/ip.ts';
import { leaseCommand, parseLease, type LeaseRequest } from '../tools/udhcpc.ts';

/** Milliseconds; it waits two minutes for another link with this MAC address to end, then twelve seconds for an answer. */
const patience = 150_000;

/**
 * The lease that a DHCP server gives a machine which is not running; undefined when none answers.
 * @throws KnestError when the LAN cannot be asked
 */
export async function askForLease(host: Host, request: LeaseRequest): Promise<Lease | undefined> {
  try {
    const { exitCode, stdout } = await host.run(leaseCommand(request), {
      okExitCodes: [0, 1],
      timeout: patience,
    });
    return exitCode === 0 ? parseLease(stdout) : undefined;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === 3) {
      throw new KnestError(
        `another link on ${request.parent} has the MAC address ${request.mac} of ${request.hostname}`,
        {
          code: 'LEASE_FAILED',
          hint: 'a machine of this name runs, or has ended just now: wait until it has',
          cause: error,
        },
      );
    }
    throw new KnestError(`could not ask for an address on the LAN of ${request.parent}`, {
      code: 'LEASE_FAILED',
      details: error instanceof CommandError ? error.details : [String(error)],
      hint: 'is it a link with a cable, that is up? knest doctor',
      cause: error,
    });
  }
}

/**
 * The lease that a running machine has by now, as far as its link shows it; undefined while it has no address. The rest
 * is as it was.
 */
export async function readLease(
  manager: MachineManager,
  machine: MachinePlan,
  known: Lease,
): Promise<Lease | undefined> {
  const [addresses, routes] = await Promise.all([
    manager.run(machine, addressesOfLinkCommand('host0')),
    manager.run(machine, defaultRoutesCommand('host0')),
  ]);
  const all = parseAddresses(addresses.stdout).flatMap((link) => link.addresses);
  // the link may also have the address of the API (a /32), which no DHCP server gave
  const own = all.filter(({ address, prefixLength }) => prefixLength < 32 && !address.includes(':'));
  const found = own.find(({ address }) => address === known.address) ?? own[0];
  return found && { ...known, ...found, router: parseGateway(routes.stdout) ?? known.router };
}
