/**
 * The bridge's network configuration (CNI SPEC section 1, and the reference bridge's documented fields).
 * Checks only, no transforms: the static executable runs guards generated from these schemas.
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

/** VLANs that pass a port tagged: one, or all from minID to maxID. */
export const vlanTrunkSchema = z.looseObject({ id: vlanId, minID: vlanId, maxID: vlanId });

/**
 * What the plugin reads of a network configuration beyond what cni-spec has checked; unknown keys are allowed.
 *
 */
export const bridgeConfSchema = z.looseObject({
  bridge: z.optional(linkName),
  isGateway: flag,
  isDefaultGateway: flag,
  forceAddress: flag,
  hairpinMode: flag,
  promiscMode: flag,
  portIsolation: flag,
  /** In bytes; 0 is the kernel's default. */
  mtu: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  /** Of untagged frames; 0 is none. */
  vlan: z.optional(z.int().check(z.gte(0), z.lte(4094))),
  /** VLANs that pass tagged. */
  vlanTrunk: z.optional(z.array(vlanTrunkSchema)),
  preserveDefaultVlan: flag,
  enabledad: flag,
  disableContainerInterface: flag,
  ipMasq: flag,
  /** Absent or empty: nftables where the kernel has it. */
  ipMasqBackend: z.optional(z.string()),
  macspoofchk: flag,
});

export type VlanTrunk = z.infer<typeof vlanTrunkSchema>;
export type BridgeConf = z.infer<typeof bridgeConfSchema>;
