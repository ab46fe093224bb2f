// Keeps one TCP connection to each address and sends a text through it again and again. Prints `ADDRESS answered` for each
// echo, and `ADDRESS ended CODE` when a connection ends; the next one follows. Arguments: PORT ADDRESS...

import { connect } from 'node:net';
import { argv } from 'node:process';

const PAUSE_MS = 200;
const [port, ...addresses] = argv.slice(2);

function open(address: string): void {
  let code = 'FIN';
  const socket = connect(Number(port), address, () => socket.write('ask'));
  socket
    .on('data', () => {
      console.log(`${address} answered`);
      setTimeout(() => socket.write('ask'), PAUSE_MS);
    })
    .on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    })
    .on('close', () => {
      console.log(`${address} ended ${code}`);
      setTimeout(open, PAUSE_MS, address);
    });
}

for (const address of addresses) {
  open(address);
}
