import * as z from 'zod/mini';

const strings = z.optional(z.array(z.string()));

/** The fields that portmap reads, besides those that cni-spec checks. The runtime passes the ports. */
export const portmapConfSchema = z.looseObject({
  /** Absent or empty: nftables if the kernel has it. */
  backend: z.optional(z.string()),
  /** Masquerades packets whose replies would not return through the node: from the pod's own subnet, and from 127.0.0.1. */
  snat: z.optional(z.boolean()),
  /** Masquerades all packets to a host port. */
  masqAll: z.optional(z.boolean()),
  /** Bit of the packet mark for packets to masquerade. */
  markMasqBit: z.optional(z.int().check(z.gte(0), z.lte(31))),
  /** iptables chain of another program that sets the mark instead. */
  externalSetMarkChain: z.optional(z.string()),
  /** iptables matches that packets must satisfy. */
  conditionsV4: strings,
  conditionsV6: strings,
});

export type PortmapConf = z.infer<typeof portmapConfSchema>;
