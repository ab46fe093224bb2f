// Prints the source address that a peer server sees. Arguments: tcp|udp ADDRESS PORT TIMEOUT_MS.

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { argv } from 'node:process';

const [protocol, address = '', port, timeout] = argv.slice(2);

setTimeout(() => {
  console.error(`No reply from ${address} within ${timeout} ms`);
  process.exit(1);
}, Number(timeout));

const finish = (text: string) => {
  process.stdout.write(text, () => process.exit(0));
};

if (protocol === 'tcp') {
  let text = '';
  const socket = connect(Number(port), address);
  socket.setEncoding('utf8').on('data', (data) => {
    text += data;
  });
  socket.on('end', () => finish(text));
  socket.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
} else {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data) => finish(data.toString()));
  socket.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  const ask = () => socket.send('who am I', Number(port), address);
  ask();
  // Repeat: a datagram may be lost while the other side resolves a neighbour.
  setInterval(ask, 200);
}
