// Prints `ready` when it listens, and `ADDRESS TEXT` for each UDP datagram that arrives by either family. Argument: PORT.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { argv } from 'node:process';

const families = new Set(
  Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ family }) => family)),
);

for (const family of families) {
  const socket = createSocket({ type: family === 'IPv4' ? 'udp4' : 'udp6', ipv6Only: family === 'IPv6' });
  socket.on('message', (message, { address }) => console.log(`${address} ${message}`));
  socket.bind(Number(argv[2]));
  await once(socket, 'listening');
}
console.log('ready');
