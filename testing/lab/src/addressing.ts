/** An address of each family, without prefix length. */
export interface DualStack {
  ipv4: string;
  ipv6: string;
}

/** The networks of the lab. They exist only in the sandbox and cannot conflict with the machine's own. */
export const NETWORK = {
  /** The L2 network of the nodes. The router is its first host. */
  nodes: { ipv4: '10.0.0', ipv6: 'fd00:10', prefix: { ipv4: 24, ipv6: 64 } },
  /** Another L2 network for nodes, on the other side of the router. */
  far: { ipv4: '10.0.1', ipv6: 'fd00:11', prefix: { ipv4: 24, ipv6: 64 } },
  /** The network beyond the router, with documentation addresses (RFC 5737, RFC 3849). */
  outside: { ipv4: '203.0.113', ipv6: '2001:db8:113', prefix: { ipv4: 24, ipv6: 64 } },
} as const;

/** Returns the addresses of host `number` in a network: host 11 of `nodes` is 10.0.0.11 and fd00:10::11. */
export function host(network: keyof typeof NETWORK, number: number): DualStack {
  const { ipv4, ipv6 } = NETWORK[network];
  return { ipv4: `${ipv4}.${number}`, ipv6: `${ipv6}::${number}` };
}

/** Addresses of the router in the nodes' network. */
export const ROUTER: DualStack = host('nodes', 1);

/** Returns the podCIDRs of node `number`: 10.244.N.0/24 and fd00:10:244:N::/64. */
export function podCidrs(number: number): DualStack {
  return { ipv4: `10.244.${number}.0/24`, ipv6: `fd00:10:244:${number.toString(16)}::/64` };
}
