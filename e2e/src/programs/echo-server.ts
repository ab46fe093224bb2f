// Returns all bytes of each TCP connection. Prints `ready` when it listens. Argument: PORT.

import { createServer } from 'node:net';
import { argv } from 'node:process';

createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(Number(argv[2]), () =>
  console.log('ready'),
);
