/** Comparison of the kernel's token buckets with the configuration, for CHECK. */

import type { Qdisc } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { HostEnd } from '../../attachment/feature.ts';
import type { Limits } from './settings.ts';
import type { TokenBucket } from './token-bucket.ts';

/** Lists the limits that are missing or different. */
export function limitDifferences(
  route: RtnetlinkCore,
  host: HostEnd,
  ifb: string,
  { ingress, egress }: Limits,
): string[] {
  const differences = ingress === undefined ? [] : bucketDifferences(route, host, ingress);
  if (egress === undefined) {
    return differences;
  }
  const device = route.link({ name: ifb });
  if (device === undefined) {
    return [...differences, `device ${ifb} is missing`];
  }
  if (!device.up) {
    differences.push(`device ${ifb} is down`);
  }
  const redirects = route.filters({ index: host.index }).some(({ redirect }) => redirect === device.index);
  if (!redirects) {
    differences.push(`packets that ${host.name} receives are not redirected to ${ifb}`);
  }
  return [...differences, ...bucketDifferences(route, device, egress)];
}

function bucketDifferences(route: RtnetlinkCore, { name, index }: HostEnd, wanted: TokenBucket): string[] {
  const root = route.rootQdisc(index);
  const tbf = root?.kind === 'tbf' ? root.tbf : undefined;
  if (tbf === undefined) {
    return [`${name} has no token bucket filter${insteadOf(root)}`];
  }
  return (['rate', 'buffer', 'limit'] as const)
    .filter((key) => tbf[key] !== wanted[key])
    .map((key) => `${key} of the token bucket filter of ${name} is ${tbf[key]}, not ${wanted[key]}`);
}

function insteadOf(root: Qdisc | undefined): string {
  return root === undefined ? '' : ` but ${root.kind}`;
}
