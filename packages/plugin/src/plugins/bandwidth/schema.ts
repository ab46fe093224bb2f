import * as z from 'zod/mini';

const bits = z.optional(z.int().check(z.gte(0)));

/** Limits in a network configuration and in the `bandwidth` capability: rates in bits per second, bursts in bits. */
export const bandwidthConfSchema = z.looseObject({
  /** Limit for packets to the pod. */
  ingressRate: bits,
  ingressBurst: bits,
  /** Limit for packets from the pod. */
  egressRate: bits,
  egressBurst: bits,
});

export type BandwidthConf = z.infer<typeof bandwidthConfSchema>;
