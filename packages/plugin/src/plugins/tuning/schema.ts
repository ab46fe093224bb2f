import * as z from 'zod/mini';

/** The fields that tuning reads from a network configuration and from its `args.cni`. */
export const tuningConfSchema = z.looseObject({
  /** Directory of the attribute backups for DEL. */
  dataDir: z.optional(z.string()),
  /** Values by key, such as `net.ipv4.conf.IFNAME.rp_filter`. */
  sysctl: z.optional(z.record(z.string(), z.string())),
  mac: z.optional(z.string()),
  promisc: z.optional(z.boolean()),
  /** In bytes; 0 = unchanged. */
  mtu: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  allmulti: z.optional(z.boolean()),
  /** In packets. */
  txQLen: z.optional(z.int().check(z.gte(0))),
});

export type TuningConf = z.infer<typeof tuningConfSchema>;
