/** The back ends that express the packet filter, and the facts that decide between them. Pure. */

import type { Family } from '@cnikit/ip';

/** The operator's choice. `auto`: nftables where the kernel supports it, else iptables. */
export type PacketFilterMode = 'auto' | 'nftables' | 'iptables';

/** A chain of another program that drops forwarded packets which none of its rules accepts. */
export interface BlockingChain {
  /** `ip filter FORWARD` as nft prints it, `legacy` before it for a table of legacy iptables. */
  name: string;
  /** The families of the packets. */
  families: readonly Family[];
  /** Rules of iptables can accept packets before the chain drops them. */
  iptables: boolean;
  /** A rule of the chain mentions a podCIDR of this node or the pod bridge, so it may accept pods. */
  namesPods: boolean;
}

/** Facts that decide between the back ends. */
export interface FilterFacts {
  /** Why the kernel cannot hold the nftables table; undefined: it can. */
  unsupported?: string | undefined;
  blocking: readonly BlockingChain[];
  /**
   * Chains of iptables where rules exempt packets from all masquerading that follows in iptables, as for IPsec. They do
   * not exempt from that of nftables. Absent: none.
   */
  exempting?: readonly string[] | undefined;
}

/** The back end in use. */
export interface Backend {
  name: 'nftables' | 'iptables';
  /** Families whose forwarded packets rules of iptables accept, beside the nftables table. */
  accept: readonly Family[];
  /** Why, as the end of a sentence. */
  reason: string;
}
