/**
 * Probes another node with an unfragmentable packet of a given size: a UDP datagram to a closed port, which its kernel
 * answers with "port unreachable". Needs no program on either side.
 */
import { createSocket } from 'node:dgram';
import { AF_INET, AF_INET6, SOCK_DGRAM, sys } from '@cnikit/sys';

/** `too-big`: `fits` is the path MTU, if reported. `silent`: no answer within the timeout. */
export type Answer = { result: 'answered' | 'silent' } | { result: 'too-big'; fits?: number };

/** include/uapi/linux/in.h and in6.h. */
const OPTIONS = {
  ipv4: { domain: AF_INET, level: 0, discover: 10, mtu: 14, header: 20 + 8 },
  ipv6: { domain: AF_INET6, level: 41, discover: 23, mtu: 24, header: 40 + 8 },
} as const;
/** IP_PMTUDISC_DO and IPV6_PMTUDISC_DO: never fragment, and use the discovered path MTU. */
const NEVER_FRAGMENT = 2;
/** traceroute's first port, which is almost never open. */
const PORT = 33_434;

/** Sends a packet of `size` bytes, IP header included, and waits for the answer. */
export function ask(address: string, size: number, timeoutMs: number): Promise<Answer> {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const { domain, level, discover, mtu, header } = OPTIONS[family];
  const fd = sys.socket(domain, SOCK_DGRAM, 0);
  sys.setsockopt(fd, level, discover, NEVER_FRAGMENT);
  const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
  return new Promise((resolve) => {
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => undefined);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end({ result: 'silent' }), timeoutMs);
    const failed = (error: Error | null | undefined): void => {
      const { code } = (error ?? {}) as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED') {
        end({ result: 'answered' });
      } else if (code === 'EMSGSIZE') {
        end({ result: 'too-big', fits: sys.getsockopt(fd, level, mtu) });
      } else if (error) {
        end({ result: 'silent' });
      }
    };
    socket.on('error', failed);
    socket.on('message', () => end({ result: 'answered' }));
    // The callback gets the error of a kernel that refuses the address, such as one of a broadcast.
    const connected = (error?: Error): void =>
      error ? failed(error) : socket.send(new Uint8Array(Math.max(size - header, 1)), failed);
    socket.bind({ fd }, () => socket.connect(PORT, address, connected));
  });
}
