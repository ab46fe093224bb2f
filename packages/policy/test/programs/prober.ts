/**
 * Asks connections from its network namespace. Prints `ready` when it listens. Reads one JSON array of probes a line, answers with one JSON array of
 * booleans a line: whether the first packet arrived. TCP listens, so a rule that rejects is what refuses. UDP does not,
 * so the kernel refuses a datagram that arrives, and reports one that a rule rejects as prohibited.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

interface Probe {
  address: string;
  protocol: 'TCP' | 'UDP';
  port: number;
}

/** Ports that TCP listens at. */
const PORTS = [80, 81];
const ARRIVED = 'ECONNREFUSED';
/** Limit in milliseconds of a probe without an answer: the rules changed after they were copied with answers. */
const SILENCE_MS = 5000;
/** Errors that ICMP and ICMPv6 with the code "administratively prohibited" become. */
const REJECTED: readonly unknown[] = ['EHOSTUNREACH', 'EACCES'];

function ask(probe: Probe): Promise<boolean> {
  return probe.protocol === 'TCP' ? askTcp(probe) : askUdp(probe);
}

function askTcp({ address, port }: Probe): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address);
    socket.setTimeout(SILENCE_MS, () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('connect', () => {
      socket.resetAndDestroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? resolve(false) : reject(error),
    );
  });
}

function askUdp({ address, port }: Probe): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const silence = setTimeout(() => {
      socket.close();
      resolve(false);
    }, SILENCE_MS);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(silence);
      socket.close();
      if (error.code === ARRIVED || REJECTED.includes(error.code)) {
        resolve(error.code === ARRIVED);
      } else {
        reject(error);
      }
    });
    socket.connect(port, address, () => socket.send('probe'));
  });
}

const servers = PORTS.map((port) =>
  createServer((socket) => socket.on('error', () => socket.destroy())).listen(port, '::'),
);
await Promise.all(servers.map((server) => once(server, 'listening')));
console.log('ready');

for await (const line of createInterface({ input: process.stdin })) {
  const answers = await Promise.all((JSON.parse(line) as Probe[]).map(ask));
  console.log(JSON.stringify(answers));
}
