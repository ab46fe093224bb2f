/** Comparison of prevResult with the kernel's state, for CHECK. */

import { CniError, type Context, ErrorCode, type Interface, type Result } from '@cnikit/cni-spec';
import type { RouteSpec } from '@cnikit/netlink';
import { nameOf } from '@cnikit/netlink/codec';
import { names } from '@cnikit/netlink/constants';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import { subnetOf } from '../lib/prefix.ts';
import { RT_TABLE_MAIN, withNextHops } from './routes.ts';

/**
 * Returns the result of the previous plugin, or of ADD for CHECK.
 *
 * @throws {CniError} 7 when the runtime did not pass it
 */
export function requiredPrevResult({ prevResult, command }: Context<unknown>): Result {
  if (prevResult !== undefined) {
    return prevResult;
  }
  throw new CniError(
    ErrorCode.InvalidNetworkConfig,
    'Required prevResult missing',
    command === 'CHECK'
      ? 'CHECK compares with the result of ADD, which the runtime must pass'
      : 'This plugin changes the interface of another plugin: put it after that plugin in the list',
  );
}

/**
 * Reports the differences that CHECK has found.
 *
 * @throws {CniError} 999 with all differences, if any
 */
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
    'Delete and re-add the attachment',
  );
}

/** Returns the addresses of prevResult on the pod's interface; other plugins of the list may have added other addresses. */
export function ownAddresses(prevResult: Result, { ifName, netns }: Context<unknown>): string[] {
  const isOwn = (one: Interface | undefined) => one?.name === ifName && (one.sandbox ?? '') === netns;
  return (prevResult.ips ?? [])
    .filter((ip) => ip.interface === undefined || isOwn(prevResult.interfaces?.[ip.interface]))
    .map((ip) => ip.address);
}

type NextHop = Pick<RouteSpec, 'oif' | 'via'>;

/**
 * Lists the differences of the pod's interface, its addresses and its routes.
 *
 * @param up true when the interface must be up
 */
export function podDifferences(
  pod: RtnetlinkCore,
  context: Context<unknown>,
  prevResult: Result,
  addresses: readonly string[],
  up = true,
): string[] {
  const { ifName, netns } = context;
  const link = pod.link({ name: ifName });
  if (link === undefined) {
    return [`interface ${ifName} is missing in the container`];
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
  const routes = pod.routes();
  for (const { dst, gw, table } of withNextHops(prevResult.routes ?? [], prevResult.ips ?? [])) {
    const named = nameOf(names.tables, table || RT_TABLE_MAIN);
    const leads = ({ oif, via }: NextHop) => oif === link.index && (gw === undefined || via === gw);
    const isHere = (route: RouteSpec) =>
      route.dst === subnetOf(dst) &&
      route.table === named &&
      // The kernel joins equal IPv6 routes of several interfaces to one route with several next hops.
      (route.nextHops ?? [route]).some(leads);
    if (!routes.some(isHere)) {
      differences.push(`route to ${dst}${gw === undefined ? '' : ` via ${gw}`} is missing`);
    }
  }
  return differences;
}
