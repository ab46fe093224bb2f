import * as z from 'zod/mini';

const words = z.optional(z.array(z.string()));

/** What portmap reads of a network configuration beyond what cni-spec has checked; the ports are the runtime's. */
export const portmapConfSchema = z.looseObject({
  /** Absent or empty: nftables where the kernel has it. */
  backend: z.optional(z.string()),
  /** Masquerades what would not find its way back otherwise: the pod's own subnet, and the node by 127.0.0.1. */
  snat: z.optional(z.boolean()),
  /** Masquerades everything that comes by a port of the node. */
  masqAll: z.optional(z.boolean()),
  /** Which bit of the packet mark says so. */
  markMasqBit: z.optional(z.int().check(z.gte(0), z.lte(31))),
  /** A chain of iptables, made by somebody else, that does so. */
  externalSetMarkChain: z.optional(z.string()),
  /** What packets have to be like, in the words of the backend. */
  conditionsV4: words,
  conditionsV6: words,
});

export type PortmapConf = z.infer<typeof portmapConfSchema>;
