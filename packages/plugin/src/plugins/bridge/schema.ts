/**
 * The bridge's network configuration (CNI SPEC section 1, and the documented fields of the upstream bridge).
 * The schemas only check and never transform: the static executable runs guards generated from them.
 */
import * as z from 'zod/mini';
import { isLinkNameOrEmpty } from '../../checks.ts';

const linkName = z
  .string()
  .check(
    z.refine(isLinkNameOrEmpty, 'expected an interface name: 1 to 15 bytes without "/", ":" or white space'),
  );

const flag = z.optional(z.boolean());

const vlanId = z.optional(z.int().check(z.gte(1), z.lte(4094)));

/** Tagged VLANs of a port: one, or all from minID to maxID. */
export const vlanTrunkSchema = z.looseObject({ id: vlanId, minID: vlanId, maxID: vlanId });

/**
 * The fields that the plugin reads, besides those that cni-spec checks. Unknown keys are allowed.
 */
export const bridgeConfSchema = z.looseObject({
  bridge: z.optional(linkName),
  isGateway: flag,
  isDefaultGateway: flag,
  forceAddress: flag,
  hairpinMode: flag,
  promiscMode: flag,
  portIsolation: flag,
  /** In bytes; 0 = the kernel's default. */
  mtu: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  /** VLAN ID for untagged frames; 0 = none. */
  vlan: z.optional(z.int().check(z.gte(0), z.lte(4094))),
  /** Tagged VLANs. */
  vlanTrunk: z.optional(z.array(vlanTrunkSchema)),
  preserveDefaultVlan: flag,
  enabledad: flag,
  disableContainerInterface: flag,
  ipMasq: flag,
  /** Absent or empty: nftables if the kernel has it. */
  ipMasqBackend: z.optional(z.string()),
  macspoofchk: flag,
  /** Gives the pod a MAC address that follows from its address. */
  macFromAddress: flag,
  /** Absent or true: the pod solicits routers, as the kernel does by default. */
  routerSolicitations: flag,
});

export type VlanTrunk = z.infer<typeof vlanTrunkSchema>;
export type BridgeConf = z.infer<typeof bridgeConfSchema>;
