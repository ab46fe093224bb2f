import * as z from 'zod/mini';

/** What ptp reads of a network configuration beyond what cni-spec has checked. */
export const ptpConfSchema = z.looseObject({
  /** In bytes; 0 is the kernel's default. */
  mtu: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  /** Refused when it is set. */
  ipMasq: z.optional(z.unknown()),
});

export type PtpConf = z.infer<typeof ptpConfSchema>;
