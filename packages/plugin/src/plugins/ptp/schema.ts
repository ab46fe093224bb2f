import * as z from 'zod/mini';

/** What ptp reads of a network configuration beyond what cni-spec has checked. */
export const ptpConfSchema = z.looseObject({
  /** In bytes; 0 is the kernel's default. */
  mtu: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  ipMasq: z.optional(z.boolean()),
  /** Absent or empty: nftables where the kernel has it. */
  ipMasqBackend: z.optional(z.string()),
});

export type PtpConf = z.infer<typeof ptpConfSchema>;
