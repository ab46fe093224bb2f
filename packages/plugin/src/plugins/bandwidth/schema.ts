import * as z from 'zod/mini';

const bits = z.optional(z.int().check(z.gte(0)));

/** Rates in bits per second, bursts in bits: of a network configuration, and as the `bandwidth` capability. */
export const bandwidthConfSchema = z.looseObject({
  /** What the pod may receive. */
  ingressRate: bits,
  ingressBurst: bits,
  /** What the pod may send. */
  egressRate: bits,
  egressBurst: bits,
});

export type BandwidthConf = z.infer<typeof bandwidthConfSchema>;
