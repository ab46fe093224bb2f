/** SCTP packets over raw sockets, for kernels that can translate SCTP but do not implement it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

type Namespace = { name: string };

/** Receives SCTP packets in a namespace, with their IPv4 header. */
export function receiveSctp({ name }: Namespace): ChildProcess {
  return spawn('ip', ['netns', 'exec', name, 'socat', '-u', 'IP4-RECV:132', '-'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Sends an INIT until the receiver gets it, and returns the port it arrived at. */
export async function sendSctp(
  { name }: Namespace,
  host: string,
  port: number,
  receiver: ChildProcess,
): Promise<number> {
  const packet = init(40000, port);
  const timer = setInterval(() => {
    spawnSync('ip', ['netns', 'exec', name, 'socat', '-u', '-', `IP4-SENDTO:${host}:132`], { input: packet });
  }, 100);
  try {
    const [received] = (await once(receiver.stdout as NonNullable<ChildProcess['stdout']>, 'data')) as [
      Buffer,
    ];
    // Depending on its version, socat includes the IPv4 header, whose first nibble is 4.
    const start = (received[0] as number) >> 4 === 4 ? ((received[0] as number) & 15) * 4 : 0;
    return received.readUInt16BE(start + 2);
  } finally {
    clearInterval(timer);
    receiver.kill();
  }
}

/** The first packet of a connection (RFC 9260, section 3.3.2). */
function init(source: number, destination: number): Buffer {
  const packet = Buffer.alloc(12 + 20);
  packet.writeUInt16BE(source, 0);
  packet.writeUInt16BE(destination, 2);
  packet[12] = 1;
  packet.writeUInt16BE(20, 14);
  packet.writeUInt32BE(0x01020304, 16);
  packet.writeUInt32BE(65535, 20);
  packet.writeUInt16BE(1, 24);
  packet.writeUInt16BE(1, 26);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

/** RFC 9260, appendix A. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
  }
  return ~crc >>> 0;
}
