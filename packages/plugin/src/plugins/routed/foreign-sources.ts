/**
 * Pods that may send packets with source addresses other than their own, such as VPN gateways. The author of the pod asks
 * by an annotation, and the administrator lists the namespace in the configuration. The host end of such a pod is in a
 * link group of its own block, so that nothing needs to be stored or removed.
 */
import { CniError, type Context, ErrorCode } from '@cnikit/cni-spec';
import { type Link, newAddress, type Request } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { isIPv6 } from '../../lib/prefix.ts';
import { blockOf, FOREIGN_SOURCE_GROUPS, POD_GROUPS } from '../../links/pod-groups.ts';
import type { BridgeSettings } from '../bridge/settings.ts';

/** The annotation of a pod. */
export const ANNOTATION = 'cnikit.io/foreign-source-addresses';
/** The capability that has runtimes pass the annotations of a pod. */
const CAPABILITY = 'io.kubernetes.cri.pod-annotations';

/** Settings of the layout. */
export interface RoutedSettings extends BridgeSettings {
  /** Namespaces whose pods may ask. */
  foreignSourceNamespaces: readonly string[];
}

/**
 * Returns the link group of a pod's host end.
 *
 * @throws {CniError} 7 when the annotation of a pod in a listed namespace is neither "true" nor "false"
 */
export function hostGroupOf({
  conf: { raw, foreignSourceNamespaces },
  args,
}: Pick<Context<RoutedSettings>, 'conf' | 'args'>): number {
  if (!foreignSourceNamespaces.includes(args.K8S_POD_NAMESPACE ?? '')) {
    return POD_GROUPS;
  }
  const annotations = raw.runtimeConfig?.[CAPABILITY] as Record<string, unknown> | null | undefined;
  const value = annotations?.[ANNOTATION] ?? 'false';
  if (value !== 'true' && value !== 'false') {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Invalid annotation ${ANNOTATION} ${JSON.stringify(value)}: expected "true" or "false"`,
    );
  }
  return value === 'true' ? FOREIGN_SOURCE_GROUPS : POD_GROUPS;
}

/** Returns true when the pod behind this host end may send other source addresses. */
export const mayUseForeignSources = ({ group }: { group?: number | undefined }): boolean =>
  blockOf(group) === FOREIGN_SOURCE_GROUPS;

/** Values of `rp_filter`. */
const RP_FILTER = { off: 0, strict: 1, loose: 2 } as const;

/** Returns `rp_filter` of a host end in a link group. */
export const filterOf = (group: number | undefined): number =>
  mayUseForeignSources({ group }) ? RP_FILTER.loose : RP_FILTER.strict;

/**
 * Returns the requests that a loose filter needs: it is strict on a link without an IPv4 address
 * (net/ipv4/fib_frontend.c, __fib_validate_source). Scope `host` keeps the address from being the source of the node's
 * packets to the pod.
 */
export const filterAddress = (index: number, group: number | undefined, address: string): Request[] =>
  mayUseForeignSources({ group })
    ? [newAddress({ index, address: `${address}/32`, scope: 'host', replace: true })]
    : [];

/** Returns true when the kernel drops IPv4 packets whose source address it does not route to this link. */
export function filtersStrictly(
  sys: Sys,
  host: RtnetlinkCore,
  { index, name }: Pick<Link, 'index' | 'name'>,
): boolean {
  // The kernel takes the greater value (include/linux/inetdevice.h, IN_DEV_RPFILTER).
  const values = ['all', name].map((link) =>
    Number(sys.readText(`/proc/sys/net/ipv4/conf/${link}/rp_filter`)),
  );
  const value = Math.max(...values);
  return value !== RP_FILTER.off && (value === RP_FILTER.strict || !hasIPv4(host, index));
}

const hasIPv4 = (host: RtnetlinkCore, index: number): boolean =>
  host.addresses({ index }).some(({ address }) => !isIPv6(address));
