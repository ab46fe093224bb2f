import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader } from '../../codec/reader.ts';
import { type Table, type Values, writeFields } from '../../codec/table.ts';
import { dontFragment } from './dont-fragment.ts';
import type { LinkKindCodec } from './kind.ts';

const vxlanTable = {
  /** VNI, 24 bits. */
  id: [1, 'u32', 'IFLA_VXLAN_ID'],
  /** Index of the egress link of outer packets. */
  link: [3, 'u32', 'IFLA_VXLAN_LINK'],
  ttl: [5, 'u8', 'IFLA_VXLAN_TTL'],
  tos: [6, 'u8', 'IFLA_VXLAN_TOS'],
  macLearning: [7, 'bool', 'IFLA_VXLAN_LEARNING'],
  /** Seconds. */
  ageing: [8, 'u32', 'IFLA_VXLAN_AGEING'],
  limit: [9, 'u32', 'IFLA_VXLAN_LIMIT'],
  proxy: [11, 'bool', 'IFLA_VXLAN_PROXY'],
  rsc: [12, 'bool', 'IFLA_VXLAN_RSC'],
  l2miss: [13, 'bool', 'IFLA_VXLAN_L2MISS'],
  l3miss: [14, 'bool', 'IFLA_VXLAN_L3MISS'],
  /** UDP destination port; the kernel's default is 8472, the registered one 4789. */
  port: [15, 'be16', 'IFLA_VXLAN_PORT'],
  udpCsum: [18, 'bool', 'IFLA_VXLAN_UDP_CSUM'],
  udpZeroCsum6Tx: [19, 'bool', 'IFLA_VXLAN_UDP_ZERO_CSUM6_TX'],
  udpZeroCsum6Rx: [20, 'bool', 'IFLA_VXLAN_UDP_ZERO_CSUM6_RX'],
  remCsumTx: [21, 'bool', 'IFLA_VXLAN_REMCSUM_TX'],
  remCsumRx: [22, 'bool', 'IFLA_VXLAN_REMCSUM_RX'],
  gbp: [23, 'flag', 'IFLA_VXLAN_GBP'],
  remCsumNoPartial: [24, 'flag', 'IFLA_VXLAN_REMCSUM_NOPARTIAL'],
  /** Each packet carries its tunnel metadata (eBPF, routes with encapsulation). */
  collectMetadata: [25, 'bool', 'IFLA_VXLAN_COLLECT_METADATA'],
  label: [26, 'be32', 'IFLA_VXLAN_LABEL'],
  gpe: [27, 'flag', 'IFLA_VXLAN_GPE'],
  df: [29, 'u8', 'IFLA_VXLAN_DF', dontFragment],
  vniFilter: [30, 'bool', 'IFLA_VXLAN_VNIFILTER'],
  /** Deliver packets to another VXLAN of this machine without UDP (Linux 6.5). */
  localBypass: [31, 'bool', 'IFLA_VXLAN_LOCALBYPASS'],
  labelPolicy: [32, 'u32', 'IFLA_VXLAN_LABEL_POLICY', { 0: 'fixed', 1: 'inherit' }],
  reservedBits: [33, 'raw', 'IFLA_VXLAN_RESERVED_BITS'],
  multicastRoute: [34, 'bool', 'IFLA_VXLAN_MC_ROUTE'],
} as const satisfies Table;

const IFLA_VXLAN_GROUP = 2;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_PORT_RANGE = 10;
const IFLA_VXLAN_GROUP6 = 16;
const IFLA_VXLAN_LOCAL6 = 17;
/** The kernel takes it as a flag and reports it as a number. */
const IFLA_VXLAN_TTL_INHERIT = 28;

export interface VxlanAttributes extends Values<typeof vxlanTable> {
  /** Destination of frames to unknown addresses: a multicast group or a remote end. */
  remote?: string;
  /** Source address of the outer packets. */
  local?: string;
  /** Copy the TTL of the inner packet. */
  ttlInherit?: boolean;
  /** UDP source ports. */
  portRange?: { low: number; high: number };
}

const { id: idField, ...otherFields } = vxlanTable;

export const vxlan: LinkKindCodec = {
  table: vxlanTable,
  write(encoder: Encoder, spec: VxlanAttributes): void {
    const { remote, local, portRange } = spec;
    writeFields(encoder, { id: idField }, spec);
    if (remote !== undefined) {
      encoder.address(remote.includes(':') ? IFLA_VXLAN_GROUP6 : IFLA_VXLAN_GROUP, remote, 'Remote');
    }
    if (local !== undefined) {
      encoder.address(local.includes(':') ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, local, 'Local');
    }
    writeFields(encoder, otherFields, spec);
    if (spec.ttlInherit === true) {
      encoder.flag(IFLA_VXLAN_TTL_INHERIT);
    }
    if (portRange !== undefined) {
      const range = encoder.nest(IFLA_VXLAN_PORT_RANGE);
      encoder.putBe16(portRange.low).putBe16(portRange.high).end(range);
    }
  },
  read(reader: AttributeReader, into: VxlanAttributes): boolean {
    switch (reader.type) {
      case IFLA_VXLAN_GROUP:
      case IFLA_VXLAN_GROUP6:
        into.remote = reader.address('IFLA_VXLAN_GROUP');
        return true;
      case IFLA_VXLAN_LOCAL:
      case IFLA_VXLAN_LOCAL6:
        into.local = reader.address('IFLA_VXLAN_LOCAL');
        return true;
      case IFLA_VXLAN_PORT_RANGE: {
        const range = reader.be32('IFLA_VXLAN_PORT_RANGE');
        into.portRange = { low: range >>> 16, high: range & 0xffff };
        return true;
      }
      case IFLA_VXLAN_TTL_INHERIT:
        into.ttlInherit = reader.start === reader.end || reader.u8('IFLA_VXLAN_TTL_INHERIT') !== 0;
        return true;
      default:
        return false;
    }
  },
};
