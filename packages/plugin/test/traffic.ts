/** Real connections between namespaces: a server replies with the client's address. This process has all sockets. */
import { createSocket, type SocketOptions, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIP, type Server as TcpServer } from 'node:net';
import { sys, withNetns } from '@cnikit/sys';

/** A namespace by name; '' is the node itself. */
export type Namespace = { name: string };
export const NODE: Namespace = { name: '' };
type Protocol = 'tcp' | 'udp';

/** Runs `body` in a namespace. The sockets that it creates stay there. */
function within<T>({ name }: Namespace, body: () => T): T {
  return name === '' ? body() : withNetns(sys, `/run/netns/${name}`, body);
}

export interface Server {
  stop(): void;
}

const servers = new Set<Server>();

/** Starts a server, which listens when this returns. Stop it by `stop` or `stopServers`. */
export function serve(where: Namespace, protocol: Protocol, port: number): Server {
  const socket = within(where, () => (protocol === 'tcp' ? tcpServer(port) : udpServer(port)));
  const server = {
    stop() {
      if (servers.delete(server)) {
        socket.close();
      }
    },
  };
  servers.add(server);
  return server;
}

export function stopServers(): void {
  for (const server of servers) {
    server.stop();
  }
}

function tcpServer(port: number): TcpServer {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(String(socket.remoteAddress));
  });
  // An address would make Node create the socket later.
  return server.listen(port);
}

function udpServer(port: number): UdpSocket {
  const socket = udpSocket('udp6');
  socket.on('message', (_, { address, port: from }) => socket.send(address, from, address));
  return socket.bind(port);
}

/** A socket that looks up its address at once, so that `bind()` creates it before it returns. */
function udpSocket(type: SocketOptions['type']): UdpSocket {
  return createSocket({ type, lookup: (address, _, callback) => callback(null, address, isIP(address)) });
}

/** Timeout of a connection in milliseconds, long enough for a loaded machine. */
const PATIENCE = 20_000;

/** Returns the client address that the server saw, in short form, or undefined when nothing listens. */
export async function reach(
  from: Namespace,
  protocol: Protocol,
  host: string,
  port: number,
  sourcePort = 0,
): Promise<string | undefined> {
  const seen = await (protocol === 'tcp' ? askTcp(from, host, port) : askUdp(from, host, port, sourcePort));
  return seen === undefined || seen === '' ? undefined : shortest(seen);
}

/** Connects, sends nothing, and returns what it receives. */
async function askTcp(from: Namespace, host: string, port: number): Promise<string | undefined> {
  const socket = within(from, () =>
    connect({
      // Node creates the socket at once for a name, not for an address.
      host: 'server',
      lookup: (_name, _options, callback) => callback(null, host, isIP(host)),
      autoSelectFamily: false,
      port,
    }),
  );
  const timer = setTimeout(() => socket.destroy(new Error('timeout')), PATIENCE);
  let seen = '';
  socket.setEncoding('utf8').on('data', (more) => {
    seen += more;
  });
  try {
    await once(socket, 'end');
    return seen;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Sends until it gets a reply, which it returns, or a port-unreachable error. */
async function askUdp(
  from: Namespace,
  host: string,
  port: number,
  sourcePort: number,
): Promise<string | undefined> {
  const socket = within(from, () => udpSocket(host.includes(':') ? 'udp6' : 'udp4').bind(sourcePort));
  const timers: NodeJS.Timeout[] = [];
  try {
    return await new Promise<string | undefined>((resolve) => {
      timers.push(setTimeout(() => resolve(undefined), PATIENCE));
      socket.on('error', () => resolve(undefined));
      socket.on('message', (answer) => resolve(String(answer)));
      socket.connect(port, host, () => {
        const ask = () => socket.send('x', () => undefined);
        ask();
        timers.push(setInterval(ask, 500));
      });
    });
  } finally {
    timers.forEach(clearTimeout);
    socket.close();
  }
}

/** Port of the receiver of `arriving()`. */
const RECEIVER = 9000;

/**
 * Sends datagrams from addresses of a namespace, and returns the addresses whose datagrams arrive before those that are
 * sent later from `known`, an address of the namespace that always reaches the host. Sends all of them again while none
 * of `known` arrives: a link drops packets until the kernel's worker has started its queue.
 */
export async function arriving(
  from: Namespace,
  { sources, known }: { sources: readonly string[]; known: string },
  to: Namespace,
  host: string,
): Promise<string[]> {
  const receiver = within(to, () => udpSocket('udp6').bind(RECEIVER));
  const all = [...sources, known];
  const senders = within(from, () =>
    all.map((source) => udpSocket(isIP(source) === 6 ? 'udp6' : 'udp4').bind(0, source)),
  );
  const seen = new Set<string>();
  try {
    // The kernel may process packets of two processors in another order.
    for (let round = 0; round < 3; round++) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        receiver.removeAllListeners('message').on('message', (text, { address }) => {
          seen.add(shortest(address));
          if (shortest(address) === known && String(text) === String(round)) {
            resolve();
          }
        });
        const send = () => {
          for (const sender of senders) {
            sender.send(String(round), RECEIVER, host);
          }
        };
        send();
        timer = setInterval(send, 500);
      });
      clearInterval(timer);
    }
    return sources.filter((source) => seen.has(source));
  } finally {
    for (const socket of [receiver, ...senders]) {
      socket.close();
    }
  }
}

/** Shortens IPv4-mapped addresses. */
function shortest(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
