import * as z from 'zod/mini';
import { isCidr, isIpOrCidr, isIpOrEmpty, isMac, isPairedBandwidth, isProtocol } from '../checks.ts';

const port = z.int().check(z.gte(1), z.lte(65535));
const ip = z.string().check(z.refine(isIpOrEmpty, 'expected an IP address'));
const bits = z.optional(z.number().check(z.gte(0)));

/**
 * A host port that is forwarded to the container. Without `hostIP`: on all addresses. Without protocol: tcp.
 */
export const portMappingSchema = z.looseObject({
  hostPort: port,
  containerPort: port,
  protocol: z.optional(z.string().check(z.refine(isProtocol, 'expected tcp, udp or sctp'))),
  hostIP: z.optional(ip),
});

/**
 * Rates in bits per second, bursts in bits; 0 or absent for no limit. A rate requires a burst, and a burst a
 * rate.
 */
export const bandwidthSchema = z
  .looseObject({ ingressRate: bits, ingressBurst: bits, egressRate: bits, egressBurst: bits })
  .check(z.refine(isPairedBandwidth, 'expected rate and burst together'));

/** A range of addresses that the runtime requests. */
export const ipRangeSchema = z.looseObject({
  subnet: z.string().check(z.refine(isCidr, 'expected a subnet, such as 10.1.0.0/24')),
  rangeStart: z.optional(ip),
  rangeEnd: z.optional(ip),
  gateway: z.optional(ip),
});

/** The dns capability. Its keys differ from those of a result's dns. */
export const dnsCapabilitySchema = z.looseObject({
  servers: z.optional(z.array(z.string())),
  searches: z.optional(z.array(z.string())),
  options: z.optional(z.array(z.string())),
});

/**
 * Well-known capability arguments (CONVENTIONS.md "Dynamic Plugin specific fields"), each optional. Others
 * are kept.
 */
export const runtimeConfigSchema = z.looseObject({
  portMappings: z.optional(z.array(portMappingSchema)),
  bandwidth: z.optional(bandwidthSchema),
  ipRanges: z.optional(z.array(z.array(ipRangeSchema))),
  dns: z.optional(dnsCapabilitySchema),
  ips: z.optional(
    z.array(z.string().check(z.refine(isIpOrCidr, 'expected an IP address, with or without prefix length'))),
  ),
  mac: z.optional(
    z.string().check(z.refine(isMac, 'expected a hardware address, such as c2:11:22:33:44:55')),
  ),
  infinibandGUID: z.optional(z.string()),
  deviceID: z.optional(z.string()),
  cgroupPath: z.optional(z.string()),
  aliases: z.optional(z.array(z.string())),
  'io.kubernetes.cri.pod-annotations': z.optional(z.record(z.string(), z.string())),
});

/** One element of the `portMappings` capability. */
export type PortMapping = z.infer<typeof portMappingSchema>;
/** The `bandwidth` capability: rates in bits per second, bursts in bits. */
export type Bandwidth = z.infer<typeof bandwidthSchema>;
/** One range of the `ipRanges` capability. */
export type IpRange = z.infer<typeof ipRangeSchema>;
/** The `dns` capability. */
export type DnsCapability = z.infer<typeof dnsCapabilitySchema>;
/** Content of `runtimeConfig`, by capability. */
export type RuntimeConfig = z.infer<typeof runtimeConfigSchema>;
