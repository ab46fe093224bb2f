/** Links as the kernel describes them. */
import type { UnknownAttribute } from '../codec/reader.ts';
import type { LinkSettings, LinkState } from './link-attributes.ts';
import type { LinkKind, LinkKindInfo, PortKinds } from './link-kinds/index.ts';
import type { AddrGenMode, OperState } from './names.ts';

/** struct rtnl_link_stats64, the part that every link has. Packets and bytes since the link was made. */
export interface LinkStatistics {
  rxPackets: number | bigint;
  txPackets: number | bigint;
  rxBytes: number | bigint;
  txBytes: number | bigint;
  rxErrors: number | bigint;
  txErrors: number | bigint;
  rxDropped: number | bigint;
  txDropped: number | bigint;
}

/** The properties of links of every kind. */
export interface LinkBase
  extends Omit<LinkSettings, 'mtu' | 'netns' | 'group' | 'txQueueLength'>,
    Omit<LinkState, 'operState'> {
  index: number;
  name: string;
  /** ARPHRD_*: 1 Ethernet, 772 loopback. */
  type: number;
  /** IFF_*. */
  flags: number;
  /** IFF_UP: administratively up. */
  up: boolean;
  /** IFF_RUNNING: it can carry packets. */
  running: boolean;
  /** Bytes; 0 when the kernel does not send it. */
  mtu: number;
  operState: OperState;
  group: number;
  /** Packets. */
  txQueueLength: number;
  alternativeNames?: string[];
  /** How the kernel makes IPv6 link-local addresses. */
  addrGenMode?: AddrGenMode;
  statistics?: LinkStatistics;
  /** Kind of the master: "bridge", "vrf". */
  portKind?: string;
  /** Settings as a port, by the kind of the master. */
  bondPort?: PortKinds['bond'] & { unknown?: UnknownAttribute[] };
  bridgePort?: PortKinds['bridge'] & { unknown?: UnknownAttribute[] };
  vrfPort?: PortKinds['vrf'] & { unknown?: UnknownAttribute[] };
  /** Settings as a port of another kind. */
  portData?: Uint8Array;
  /** Unknown attributes of IFLA_LINKINFO and IFLA_PROP_LIST. */
  inner?: { unknown?: UnknownAttribute[] };
  unknown?: UnknownAttribute[];
}

/** A link of one kind. The settings of the kind are the property with its name: `link.vxlan.id`. */
export type LinkOf<K extends LinkKind> = {
  [P in K]: LinkBase & { kind: P } & { [Q in P]: LinkKindInfo<P> } & {
    [Q in Exclude<LinkKind, P>]?: undefined;
  };
}[K];

/** Kinds of the kernel without a decoder. */
type RawKind =
  | 'amt'
  | 'bareudp'
  | 'batadv'
  | 'can'
  | 'dsa'
  | 'gtp'
  | 'hsr'
  | 'ipoib'
  | 'lowpan'
  | 'macsec'
  | 'netdevsim'
  | 'nlmon'
  | 'ovpn'
  | 'pfcp'
  | 'rmnet'
  | 'team'
  | 'vcan'
  | 'vti'
  | 'vti6'
  | 'vxcan'
  | 'wwan'
  | 'xfrm';

/** Any other name. It is an enum, because a test of `kind` does not rule out a string. */
export declare enum OtherKind {
  /** Stands for all other names. */
  Name = '',
}

/** A link without kind, such as `lo` or a network card, or of a kind without a decoder. */
export type OtherLink = LinkBase & {
  kind?: RawKind | OtherKind | undefined;
  /** Settings of the kind, as bytes. */
  kindData?: Uint8Array;
} & { [K in LinkKind]?: undefined };

/** A link as the kernel describes it, discriminated by `kind`. */
export type Link = LinkOf<LinkKind> | OtherLink;
