/** The addresses, protocol and ports of a packet. Pure. */
import { formatAddress } from '@cnikit/ip';

/** What {@link packetHeader} reads. */
export interface PacketHeader {
  source: string;
  destination: string;
  /** IPPROTO_*: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6. */
  protocol: number;
  /** Absent for protocols without ports, and in later fragments. */
  sourcePort?: number | undefined;
  destinationPort?: number | undefined;
}

const IPPROTO_FRAGMENT = 44;
const IPPROTO_AUTHENTICATION = 51;
/** Hop-by-hop, routing and destination options. */
const OPTIONS: readonly number[] = [0, 43, 60];
/** TCP, UDP, DCCP, SCTP and UDP-Lite. */
const WITH_PORTS: readonly number[] = [6, 17, 33, 132, 136];

/** Reads the IP header and the ports of a packet. Returns undefined when the bytes do not hold an IP header. */
export function packetHeader(packet: Uint8Array): PacketHeader | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && packet.length >= 20) {
    const [protocol, transport] = [packet[9]!, (packet[0]! & 15) * 4];
    const isFirst = (((packet[6]! & 0x1f) << 8) | packet[7]!) === 0;
    return header(packet, 12, 4, protocol, isFirst ? transport : undefined);
  }
  if (version === 6 && packet.length >= 40) {
    const { protocol, transport } = afterExtensions(packet);
    return header(packet, 8, 16, protocol, transport);
  }
  return undefined;
}

/** Skips the extension headers of IPv6. */
function afterExtensions(packet: Uint8Array): { protocol: number; transport: number | undefined } {
  let protocol = packet[6]!;
  let at = 40;
  let isFirst = true;
  while (at + 8 <= packet.length) {
    if (OPTIONS.includes(protocol)) {
      [protocol, at] = [packet[at]!, at + (packet[at + 1]! + 1) * 8];
    } else if (protocol === IPPROTO_AUTHENTICATION) {
      [protocol, at] = [packet[at]!, at + (packet[at + 1]! + 2) * 4];
    } else if (protocol === IPPROTO_FRAGMENT) {
      isFirst &&= ((packet[at + 2]! << 8) | packet[at + 3]!) >> 3 === 0;
      [protocol, at] = [packet[at]!, at + 8];
    } else {
      break;
    }
  }
  return { protocol, transport: isFirst ? at : undefined };
}

function header(
  packet: Uint8Array,
  addresses: number,
  size: number,
  protocol: number,
  transport: number | undefined,
): PacketHeader {
  const address = (index: number) =>
    formatAddress(packet.slice(addresses + index * size, addresses + (index + 1) * size));
  const ends = { source: address(0), destination: address(1), protocol };
  if (transport === undefined || !WITH_PORTS.includes(protocol) || transport + 4 > packet.length) {
    return ends;
  }
  const port = (at: number) => (packet[at]! << 8) | packet[at + 1]!;
  return { ...ends, sourcePort: port(transport), destinationPort: port(transport + 2) };
}
