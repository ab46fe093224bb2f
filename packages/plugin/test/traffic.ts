/** Real connections between namespaces, by socat: a server replies with the client's address. */
import { type ChildProcess, spawn } from 'node:child_process';
import { sys } from '@cnikit/sys';
import { run } from './namespaces.ts';

/** A namespace by name; '' is the node itself. */
type Namespace = { name: string };
export const NODE: Namespace = { name: '' };

const within = ({ name }: Namespace, argv: string[]): [string, ...string[]] =>
  (name === '' ? argv : ['ip', 'netns', 'exec', name, ...argv]) as [string, ...string[]];

export interface Server {
  stop(): void;
}

const servers = new Set<ChildProcess>();

/** Starts a server and resolves once it listens. Stop it by `stop` or `stopServers`. */
export async function serve(where: Namespace, protocol: 'tcp' | 'udp', port: number): Promise<Server> {
  const address =
    protocol === 'tcp'
      ? `TCP6-LISTEN:${port},ipv6only=0,reuseaddr,fork`
      : `UDP6-RECVFROM:${port},ipv6only=0,reuseaddr,fork`;
  const argv = within(where, ['socat', address, 'SYSTEM:echo $SOCAT_PEERADDR']);
  const child = spawn(argv[0], argv.slice(1), { stdio: 'ignore', detached: true });
  servers.add(child);
  const table = protocol === 'tcp' ? '-tln' : '-uln';
  for (;;) {
    if (child.exitCode !== null) {
      throw new Error(`socat ${address} ended`);
    }
    if (run(...within(where, ['ss', '-H', table, `sport = :${port}`])).trim() !== '') {
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { stop: () => end(child) };
}

function end(child: ChildProcess): void {
  servers.delete(child);
  // socat's children are in its process group.
  if (child.pid !== undefined && child.exitCode === null) {
    process.kill(-child.pid, 'SIGKILL');
  }
}

export function stopServers(): void {
  for (const child of servers) {
    end(child);
  }
}

/** Timeout of a connection in seconds, long enough for a loaded machine. */
const PATIENCE = 20;

/** Returns the client address that the server saw, in short form, or undefined when nothing listens. */
export function reach(
  from: Namespace,
  protocol: 'tcp' | 'udp',
  host: string,
  port: number,
  sourcePort = 0,
): string | undefined {
  const at = host.includes(':') ? `[${host}]` : host;
  const client =
    protocol === 'tcp'
      ? [
          'socat',
          '-T',
          `${PATIENCE}`,
          '-t',
          `${PATIENCE}`,
          '-',
          `TCP:${at}:${port},connect-timeout=${PATIENCE}`,
        ]
      : [process.execPath, '-e', UDP_CLIENT, host, `${port}`, `${sourcePort}`, `${PATIENCE}`];
  const argv = within(from, client);
  // Send nothing over TCP: a server that exits with unread input resets the connection, and its reply may be lost.
  const { stdout } = sys.run(argv);
  const seen = stdout.trim();
  if (seen === '') {
    return undefined;
  }
  return shortest(seen.replace(/^\[(.*)\]$/, '$1'));
}

/** Sends until it gets a reply or a port-unreachable error. socat would wait for more after the first reply. */
const UDP_CLIENT = `
const [host, port, sourcePort, patience] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
socket.on('error', () => process.exit());
socket.on('message', (answer) => { process.stdout.write(answer); process.exit(); });
socket.bind(Number(sourcePort), () => socket.connect(Number(port), host, () => {
  const ask = () => socket.send('x', () => undefined);
  ask();
  setInterval(ask, 500);
}));
setTimeout(() => process.exit(), patience * 1000);
`;

/** Shortens socat's output: all eight groups, and IPv4-mapped addresses. */
function shortest(address: string): string {
  const { hostname } = new URL(`http://[${address}]/`);
  const text = hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text);
  if (mapped === null) {
    return text;
  }
  const [high, low] = mapped.slice(1).map((group) => Number.parseInt(group, 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** A machine outside the node, without a route to the pods. */
export interface Outside extends Namespace {
  /** Its addresses, and the node's addresses on the link to it. */
  ipv4: string;
  ipv6: string;
  node4: string;
  node6: string;
  remove(): void;
}

let count = 0;

export function makeOutside(): Outside {
  const name = `outside${process.pid}-${count++}`;
  run('ip', 'netns', 'add', name);
  run('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  const inside = (...argv: string[]) => run('ip', '-n', name, ...argv);
  const outside = { ipv4: '192.0.2.9', ipv6: '2001:db8::9', node4: '192.0.2.1', node6: '2001:db8::1' };
  run('ip', 'address', 'add', `${outside.node4}/24`, 'dev', 'uplink');
  run('ip', 'address', 'add', `${outside.node6}/64`, 'dev', 'uplink', 'nodad');
  // Without a link-local address, which detection delays, the kernel sends no neighbour solicitation.
  run('sysctl', '-qw', 'net.ipv6.conf.uplink.accept_dad=0');
  run('ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0');
  run('ip', 'link', 'set', 'uplink', 'up');
  inside('address', 'add', `${outside.ipv4}/24`, 'dev', 'eth0');
  inside('address', 'add', `${outside.ipv6}/64`, 'dev', 'eth0', 'nodad');
  inside('link', 'set', 'eth0', 'up');
  const remove = () => {
    run('ip', 'link', 'del', 'uplink');
    run('ip', 'netns', 'del', name);
  };
  // A kernel worker brings IPv6 up asynchronously.
  for (const address of [outside.ipv4, outside.ipv6]) {
    try {
      run('ping', '-c', '1', '-w', '10', '-i', '0.2', address);
    } catch (error) {
      remove();
      throw error;
    }
  }
  return { name, ...outside, remove };
}
