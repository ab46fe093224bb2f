/** CHECK: what prevResult says beside what the kernel has, in words. */
import { CniError, type Context, ErrorCode, type Interface, type Result } from '@cnikit/cni-spec';
import type { RtnetlinkConnection } from '@cnikit/netlink';
import { withNextHops } from './routes.ts';

/**
 * The result that CHECK compares with.
 *
 * @throws CniError 7 when the runtime has not passed it on
 */
export function requiredPrevResult({ prevResult, command }: Context<unknown>): Result {
  if (prevResult !== undefined) {
    return prevResult;
  }
  throw new CniError(
    ErrorCode.InvalidNetworkConfig,
    'Required prevResult missing',
    command === 'CHECK'
      ? 'CHECK compares with the result of ADD: the runtime has to pass it on'
      : 'This plugin changes an interface that another has made: it has to stand behind it in the list',
  );
}

/** Throws when there are differences, naming all of them. */
export function reportDifferences(
  { containerID, ifName }: Context<unknown>,
  differences: readonly string[],
): void {
  if (differences.length === 0) {
    return;
  }
  throw new CniError(
    ErrorCode.Internal,
    `Attachment ${containerID} ${ifName} differs from what ADD made: ${differences.join('; ')}`,
    'DEL and ADD make it anew',
  );
}

/** The addresses of prevResult that sit on the pod's interface; later plugins of a chain may have added others. */
export function ownAddresses(prevResult: Result, { ifName, netns }: Context<unknown>): string[] {
  const isOwn = (one: Interface | undefined) => one?.name === ifName && (one.sandbox ?? '') === netns;
  return (prevResult.ips ?? [])
    .filter((ip) => ip.interface === undefined || isOwn(prevResult.interfaces?.[ip.interface]))
    .map((ip) => ip.address);
}

/**
 * What of the pod's interface, its addresses and its routes is missing.
 *
 * @param up whether the interface is to be up
 */
export function podDifferences(
  pod: RtnetlinkConnection,
  context: Context<unknown>,
  prevResult: Result,
  addresses: readonly string[],
  up = true,
): string[] {
  const { ifName, netns } = context;
  const link = pod.link({ name: ifName });
  if (link === undefined) {
    return [`there is no interface ${ifName} in the container`];
  }
  const differences: string[] = [];
  if (up && !link.up) {
    differences.push(`interface ${ifName} is down`);
  }
  const mac = prevResult.interfaces?.find((one) => one.name === ifName && one.sandbox === netns)?.mac;
  if (mac !== undefined && mac.toLowerCase() !== link.mac) {
    differences.push(`interface ${ifName} has MAC address ${link.mac}, not ${mac}`);
  }
  const held = pod.addresses({ index: link.index }).map(({ address }) => address);
  for (const address of addresses) {
    if (!held.includes(address)) {
      differences.push(`address ${address} is missing on ${ifName}`);
    }
  }
  const routes = pod.routes({ oif: link.index });
  for (const { dst, gw } of withNextHops(prevResult.routes ?? [], prevResult.ips ?? [])) {
    if (!routes.some((route) => route.dst === dst && (gw === undefined || route.via === gw))) {
      differences.push(`route to ${dst}${gw === undefined ? '' : ` via ${gw}`} is missing`);
    }
  }
  return differences;
}
