/** The supported link kinds. A new kind is a file here and a row in both lists. */
import type { UnknownAttribute } from '../../codec/reader.ts';
import { type BondAttributes, type BondPort, bond } from './bond.ts';
import { type BridgeAttributes, bridge } from './bridge.ts';
import type { BridgePortAttributes } from './bridge-port.ts';
import { type GeneveAttributes, geneve } from './geneve.ts';
import { type IpvlanAttributes, ipvlan } from './ipvlan.ts';
import type { LinkKindCodec } from './kind.ts';
import { type MacvlanAttributes, macvlan } from './macvlan.ts';
import { type NetkitAttributes, netkit } from './netkit.ts';
import { type TunAttributes, tun } from './tun.ts';
import {
  type GreAttributes,
  gre,
  type IpTunnelAttributes,
  ipTunnel,
  type SitAttributes,
  sit,
} from './tunnels.ts';
import { type VethAttributes, veth } from './veth.ts';
import { type VlanAttributes, vlan } from './vlan.ts';
import { type VrfAttributes, type VrfPort, vrf } from './vrf.ts';
import { type VxlanAttributes, vxlan } from './vxlan.ts';

/** The settings of each kind (IFLA_INFO_DATA). */
export interface LinkKinds {
  bond: BondAttributes;
  bridge: BridgeAttributes;
  dummy: NoAttributes;
  erspan: GreAttributes;
  geneve: GeneveAttributes;
  gre: GreAttributes;
  gretap: GreAttributes;
  ifb: NoAttributes;
  ip6erspan: GreAttributes;
  ip6gre: GreAttributes;
  ip6gretap: GreAttributes;
  ip6tnl: IpTunnelAttributes;
  ipip: IpTunnelAttributes;
  ipvlan: IpvlanAttributes;
  macvlan: MacvlanAttributes;
  macvtap: MacvlanAttributes;
  netkit: NetkitAttributes;
  sit: SitAttributes;
  tun: TunAttributes;
  veth: VethAttributes;
  vlan: VlanAttributes;
  vrf: VrfAttributes;
  vxlan: VxlanAttributes;
  /** Keys and peers belong to the generic netlink family `wireguard`. */
  wireguard: NoAttributes;
}

/** The settings of a port, by the kind of its master. The kernel does not let all be set. */
export interface PortKinds {
  bond: BondPort;
  bridge: BridgePortAttributes;
  vrf: VrfPort;
}

/** The supported link kinds. */
export type LinkKind = keyof LinkKinds;

/** A kind without settings. */
export type NoAttributes = Record<never, never>;

/** Settings that the kernel always reports. */
interface AlwaysReported {
  bond: 'mode' | 'miimon' | 'upDelay' | 'downDelay' | 'hashPolicy';
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
  netkit: 'primary' | 'policy' | 'mode';
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
  bond,
  bridge,
  dummy: none,
  erspan: gre,
  geneve,
  gre,
  gretap: gre,
  ifb: none,
  ip6erspan: gre,
  ip6gre: gre,
  ip6gretap: gre,
  ip6tnl: ipTunnel,
  ipip: ipTunnel,
  ipvlan,
  macvlan,
  macvtap: macvlan,
  netkit,
  sit,
  tun,
  veth,
  vlan,
  vrf,
  vxlan,
  wireguard: none,
};
