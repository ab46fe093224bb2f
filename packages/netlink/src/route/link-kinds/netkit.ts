import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader } from '../../codec/reader.ts';
import { type Table, type Values, writeFields } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';
import { readPeer, type VethPeer, writePeer } from './veth.ts';

/** NETKIT_PASS and NETKIT_DROP, by the names of `ip`. */
const policies = { 0: 'forward', 2: 'blackhole' } as const;
const scrubs = { 0: 'none', 1: 'default' } as const;

const netkitTable = {
  /** Read only: this is the end that programs of eBPF can be attached to. */
  primary: [2, 'bool', 'IFLA_NETKIT_PRIMARY'],
  /** Fate of packets without an eBPF program. */
  policy: [3, 'u32', 'IFLA_NETKIT_POLICY', policies],
  peerPolicy: [4, 'u32', 'IFLA_NETKIT_PEER_POLICY', policies],
  mode: [5, 'u32', 'IFLA_NETKIT_MODE', { 0: 'l2', 1: 'l3' }],
  /** Linux 6.10, like `peerScrub`. */
  scrub: [6, 'u32', 'IFLA_NETKIT_SCRUB', scrubs],
  peerScrub: [7, 'u32', 'IFLA_NETKIT_PEER_SCRUB', scrubs],
  headroom: [8, 'u16', 'IFLA_NETKIT_HEADROOM'],
  tailroom: [9, 'u16', 'IFLA_NETKIT_TAILROOM'],
} as const satisfies Table;

const IFLA_NETKIT_PEER_INFO = 1;

/** A netkit pair (Linux 6.7). */
export interface NetkitAttributes extends Values<typeof netkitTable> {
  peer?: VethPeer;
}

export const netkit: LinkKindCodec = {
  table: netkitTable,
  write(encoder: Encoder, spec: NetkitAttributes): void {
    writePeer(encoder, IFLA_NETKIT_PEER_INFO, spec.peer);
    writeFields(encoder, netkitTable, spec);
  },
  read(reader: AttributeReader, into: NetkitAttributes): boolean {
    if (reader.type !== IFLA_NETKIT_PEER_INFO) {
      return false;
    }
    into.peer = readPeer(reader, 'IFLA_NETKIT_PEER_INFO');
    return true;
  },
};
