import * as z from 'zod/mini';
import { isCidr, isIpOrEmpty } from '../checks.ts';

const cidr = z
  .string()
  .check(z.refine(isCidr, 'expected an address with a prefix length, such as 10.1.0.5/24'));
const ip = z.string().check(z.refine(isIpOrEmpty, 'expected an IP address'));

/** A route of a result. `mtu`, `advmss`, `priority`, `table` and `scope` exist since 1.1.0. */
export const routeSchema = z.object({
  dst: cidr,
  gw: z.optional(ip),
  mtu: z.optional(z.int()),
  advmss: z.optional(z.int()),
  priority: z.optional(z.int()),
  table: z.optional(z.int()),
  scope: z.optional(z.int()),
});

/** The dns part of a configuration or result. */
export const dnsSchema = z.object({
  nameservers: z.optional(z.array(z.string())),
  domain: z.optional(z.string()),
  search: z.optional(z.array(z.string())),
  options: z.optional(z.array(z.string())),
});

/** An address in results of 0.1.0 and 0.2.0, which have at most one per family. */
export const ipConfig020Schema = z.object({
  ip: cidr,
  gateway: z.optional(ip),
  routes: z.optional(z.array(routeSchema)),
});

/** A result of 0.1.0 or 0.2.0. */
export const result020Schema = z.object({
  cniVersion: z.optional(z.string()),
  ip4: z.optional(ipConfig020Schema),
  ip6: z.optional(ipConfig020Schema),
  dns: z.optional(dnsSchema),
});

/** An interface in results of 0.3.0 to 0.4.0. */
export const interface040Schema = z.object({
  name: z.string(),
  mac: z.optional(z.string()),
  sandbox: z.optional(z.string()),
});

/** An address in results of 0.3.0 to 0.4.0: `version` is "4" or "6". */
export const ipConfig040Schema = z.object({
  version: z.optional(z.string()),
  address: cidr,
  gateway: z.optional(ip),
  interface: z.optional(z.int()),
});

/** A result of 0.3.0, 0.3.1 or 0.4.0. */
export const result040Schema = z.object({
  cniVersion: z.optional(z.string()),
  interfaces: z.optional(z.array(interface040Schema)),
  ips: z.optional(z.array(ipConfig040Schema)),
  routes: z.optional(z.array(routeSchema)),
  dns: z.optional(dnsSchema),
});

/**
 * An interface. `mtu`, `socketPath` and `pciID` exist since 1.1.0. `sandbox` is CNI_NETNS, absent on the
 * host.
 */
export const interfaceSchema = z.object({
  name: z.string(),
  mac: z.optional(z.string()),
  mtu: z.optional(z.int()),
  sandbox: z.optional(z.string()),
  socketPath: z.optional(z.string()),
  pciID: z.optional(z.string()),
});

/** An address; `interface` is an index of the result's `interfaces`. */
export const ipConfigSchema = z.object({
  address: cidr,
  gateway: z.optional(ip),
  interface: z.optional(z.int()),
});

/** A result of 1.0.0 or 1.1.0. */
export const resultSchema = z.object({
  cniVersion: z.optional(z.string()),
  interfaces: z.optional(z.array(interfaceSchema)),
  ips: z.optional(z.array(ipConfigSchema)),
  routes: z.optional(z.array(routeSchema)),
  dns: z.optional(dnsSchema),
});

/** A route of a result; later versions have more fields. */
export type Route = z.infer<typeof routeSchema>;
/** The `dns` object of a result. */
export type Dns = z.infer<typeof dnsSchema>;
/** `ip4` and `ip6` of a result of 0.1.0 and 0.2.0. */
export type IpConfig020 = z.infer<typeof ipConfig020Schema>;
/** A result of 0.1.0 and 0.2.0. */
export type Result020 = z.infer<typeof result020Schema>;
/** An interface of a result of 0.3.0 to 0.4.0. */
export type Interface040 = z.infer<typeof interface040Schema>;
/** An address of a result of 0.3.0 to 0.4.0, with its IP version. */
export type IpConfig040 = z.infer<typeof ipConfig040Schema>;
/** A result of 0.3.0 to 0.4.0. */
export type Result040 = z.infer<typeof result040Schema>;
/** An interface of a result of 1.0.0 and 1.1.0. */
export type Interface = z.infer<typeof interfaceSchema>;
/** An address of a result of 1.0.0 and 1.1.0. */
export type IpConfig = z.infer<typeof ipConfigSchema>;
/** A result of 1.0.0 and 1.1.0, which plugins of this package return. */
export type Result = z.infer<typeof resultSchema>;
