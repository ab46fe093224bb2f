import * as z from 'zod/mini';

/** The fields that ptp reads, besides those that cni-spec checks. */
export const ptpConfSchema = z.looseObject({
  /** In bytes; 0 = the kernel's default. */
  mtu: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  ipMasq: z.optional(z.boolean()),
  /** Absent or empty: nftables if the kernel has it. */
  ipMasqBackend: z.optional(z.string()),
});

export type PtpConf = z.infer<typeof ptpConfSchema>;
