// Returns to each TCP or UDP client its source address. Prints "ready" when it listens. Argument: PORT.

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { argv } from 'node:process';

const port = Number(argv[2]);
const plain = (address: string | undefined) => (address ?? '').replace(/^::ffff:/, '');

let waitingFor = 3;
const listening = () => {
  waitingFor -= 1;
  if (waitingFor === 0) {
    process.stdout.write('ready\n');
  }
};

const tcp = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.end(plain(socket.remoteAddress));
});
tcp.listen(port, '::', listening);

for (const type of ['udp4', 'udp6'] as const) {
  const udp = createSocket({ type, ipv6Only: type === 'udp6' });
  udp.on('message', (_question, peer) => udp.send(plain(peer.address), peer.port, peer.address));
  udp.bind(port, listening);
}
