/** TCP segments: read from the hex dump of socat, and built with addresses of either family. */

export interface Segment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgement: number;
  /** Bytes of the payload. */
  length: number;
}

const HEADER_BYTES = 20;
const ACK = 0x10;
const TCP = 6;

/** Returns the complete TCP segments in the output of `socat -x` from a raw socket. */
export function dumpedSegments(dump: string): Segment[] {
  return [...dump.matchAll(/^> .*length=(\d+) .*\n((?: [0-9a-f]{2})+)/gm)]
    .map(([, length, hex = '']) => ({
      length: Number(length),
      bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex'),
    }))
    .filter(({ length, bytes }) => bytes.length === length)
    .map(({ bytes }) => ({
      sourcePort: bytes.readUInt16BE(0),
      destinationPort: bytes.readUInt16BE(2),
      sequence: bytes.readUInt32BE(4),
      acknowledgement: bytes.readUInt32BE(8),
      length: bytes.length - 4 * (bytes.readUInt8(12) >> 4),
    }));
}

/** Returns the bytes of an ACK segment with valid checksum and without payload. */
export function ackSegment(source: string, destination: string, segment: Omit<Segment, 'length'>): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt16BE(segment.sourcePort, 0);
  bytes.writeUInt16BE(segment.destinationPort, 2);
  bytes.writeUInt32BE(segment.sequence >>> 0, 4);
  bytes.writeUInt32BE(segment.acknowledgement >>> 0, 8);
  bytes.writeUInt8((HEADER_BYTES / 4) << 4, 12);
  bytes.writeUInt8(ACK, 13);
  bytes.writeUInt16BE(0xffff, 14);
  const pseudo = Buffer.concat([
    addressBytes(source),
    addressBytes(destination),
    Buffer.from([0, TCP, 0, HEADER_BYTES]),
  ]);
  bytes.writeUInt16BE(checksum(Buffer.concat([pseudo, bytes])), 16);
  return bytes;
}

/** Computes the internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes.readUInt16BE(i);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}

function addressBytes(address: string): Buffer {
  if (!address.includes(':')) {
    return Buffer.from(address.split('.').map(Number));
  }
  const [head = '', tail = ''] = address.split('::');
  const words = (text: string) => text.split(':').filter(Boolean);
  const zeros: string[] = new Array(8 - words(head).length - words(tail).length).fill('0');
  const all = [...words(head), ...zeros, ...words(tail)];
  return Buffer.concat(all.map((word) => Buffer.from(word.padStart(4, '0'), 'hex')));
}
