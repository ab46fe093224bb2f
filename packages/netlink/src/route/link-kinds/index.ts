/** The supported link kinds. A new kind is a file here and a row in both lists. */
import type { UnknownAttribute } from '../../codec/reader.ts';
import { type BridgeAttributes, bridge } from './bridge.ts';
import { type IpvlanAttributes, ipvlan } from './ipvlan.ts';
import type { LinkKindCodec } from './kind.ts';
import { type MacvlanAttributes, macvlan } from './macvlan.ts';
import { type TunAttributes, tun } from './tun.ts';
import { type VethAttributes, veth } from './veth.ts';
import { type VlanAttributes, vlan } from './vlan.ts';
import { type VrfAttributes, vrf } from './vrf.ts';
import { type VxlanAttributes, vxlan } from './vxlan.ts';

/** The settings of each kind (IFLA_INFO_DATA). */
export interface LinkKinds {
  bridge: BridgeAttributes;
  dummy: NoAttributes;
  ifb: NoAttributes;
  ipvlan: IpvlanAttributes;
  macvlan: MacvlanAttributes;
  macvtap: MacvlanAttributes;
  tun: TunAttributes;
  veth: VethAttributes;
  vlan: VlanAttributes;
  vrf: VrfAttributes;
  vxlan: VxlanAttributes;
  /** Keys and peers belong to the generic netlink family `wireguard`. */
  wireguard: NoAttributes;
}

/** The supported link kinds. */
export type LinkKind = keyof LinkKinds;

/** A kind without settings. */
export type NoAttributes = Record<never, never>;

/** Settings that the kernel always reports. */
interface AlwaysReported {
  bridge:
    | 'forwardDelay'
    | 'helloTime'
    | 'maxAge'
    | 'ageingTime'
    | 'stpState'
    | 'priority'
    | 'groupFwdMask'
    | 'rootId'
    | 'bridgeId'
    | 'rootPort'
    | 'rootPathCost'
    | 'groupAddress';
  ipvlan: 'mode' | 'ipvlanFlags';
  macvlan: 'mode' | 'macvlanFlags';
  macvtap: 'mode' | 'macvlanFlags';
  tun: 'tunType' | 'packetInformation' | 'vnetHeader' | 'persist' | 'multiQueue';
  vlan: 'id' | 'protocol' | 'vlanFlags';
  vrf: 'table';
  vxlan: 'id' | 'ttl' | 'ttlInherit' | 'tos' | 'macLearning' | 'ageing' | 'limit' | 'port' | 'portRange';
}

/** The settings of a link's kind as the kernel reports them, with unknown attributes. */
export type LinkKindInfo<K extends LinkKind> = LinkKinds[K] &
  (K extends keyof AlwaysReported
    ? Required<Pick<LinkKinds[K], AlwaysReported[K] & keyof LinkKinds[K]>>
    : unknown) & {
    unknown?: UnknownAttribute[];
  };

const none: LinkKindCodec = { table: {} };

/** The codecs, by the kernel's name of the kind. */
export const linkKinds: Readonly<Record<LinkKind, LinkKindCodec>> = {
  bridge,
  dummy: none,
  ifb: none,
  ipvlan,
  macvlan,
  macvtap: macvlan,
  tun,
  veth,
  vlan,
  vrf,
  vxlan,
  wireguard: none,
};
