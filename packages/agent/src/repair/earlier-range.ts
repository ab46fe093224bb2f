/** Pods and addresses of podCIDRs that this node had before. Pure. */
import { addressAt, contains, formatAddress, parseAddress, parseNetwork, parsePrefix } from '@cnikit/ip';
import { type Problem, problem } from '../core/problem.ts';

/** An address of a pod that runs. */
export interface RunningAddress {
  address: string;
  containerID: string;
  ifName: string;
  /** `namespace/name`, if it is known. */
  pod?: string | undefined;
}

/** An address of the pods' bridge. */
export interface BridgeAddress {
  address: string;
  /** The plugin sets a broadcast address (IPv4) or skips duplicate address detection (IPv6); `ip address add` does not. */
  byPlugin: boolean;
}

/**
 * Returns a problem for each running pod with an address outside of this node's podCIDRs.
 *
 * @param named completes the names of these pods
 */
export function outdatedPods(
  podCIDRs: readonly string[],
  running: readonly RunningAddress[],
  named = (pods: readonly RunningAddress[]) => pods,
): Problem[] {
  if (podCIDRs.length === 0) {
    return [];
  }
  return named(running.filter(({ address }) => !isInside(podCIDRs, address))).map(
    ({ address, pod, containerID }) =>
      problem(
        'outdated-pod',
        address,
        `Pod ${pod ?? `of container ${containerID}`} has address ${address}, which is outside of this node's podCIDR ${podCIDRs.join(', ')}: pods on other nodes do not reach it`,
      ),
  );
}

/**
 * Returns the bridge's gateway addresses of earlier podCIDRs that no running pod needs. They would keep packets to the
 * node that has the podCIDR now.
 */
export function staleGateways(
  podCIDRs: readonly string[],
  held: readonly BridgeAddress[],
  running: readonly RunningAddress[],
): string[] {
  if (podCIDRs.length === 0) {
    return [];
  }
  return held
    .filter(({ address, byPlugin }) => byPlugin && isGateway(address) && !isInside(podCIDRs, bare(address)))
    .filter(({ address }) => !running.some((pod) => isInside([address], pod.address)))
    .map(({ address }) => address);
}

/**
 * Returns true when the plugin made the bridge for this node's pods: all its addresses are gateways of the node's
 * podCIDRs. Other programs use the same name.
 */
export function isPodBridge(podCIDRs: readonly string[], held: readonly BridgeAddress[]): boolean {
  return (
    held.length > 0 &&
    held.every(({ address, byPlugin }) => byPlugin && isGateway(address) && isInside(podCIDRs, bare(address)))
  );
}

const bare = (address: string): string => address.split('/')[0]!;

/** Returns true for the first host of a subnet, which the plugin takes as gateway. */
function isGateway(address: string): boolean {
  const prefix = parsePrefix(address);
  const bits = (prefix?.address.length ?? 0) * 8;
  return (
    prefix !== undefined && prefix.length < bits - 1 && bare(address) === formatAddress(addressAt(prefix, 1))
  );
}

function isInside(cidrs: readonly string[], text: string): boolean {
  const address = parseAddress(text);
  return (
    address !== undefined &&
    cidrs.some((cidr) => {
      // Clears host bits, which addresses of a link have.
      const range = parseNetwork(cidr);
      return range !== undefined && contains(range, address);
    })
  );
}
