/**
 * Holds connections in its network namespace. Prints `ready` when it listens at TCP and UDP port 80. Reads one JSON
 * command a line and answers with one JSON line: `open` connections, `send` a text through one, `take` what has arrived.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const PORTS = [80, 81];

/** Sends a text through a connection, by the name that its client gave it. */
const senders = new Map<string, (text: string) => void>();
/** `NAME TEXT` of each text that arrived, and `NAME ended` of each connection that was reset. */
const arrived: string[] = [];

const held: Socket[] = [];

function hold(socket: Socket, known?: string): void {
  let name = known;
  held.push(socket);
  socket.on('error', () => arrived.push(`${name} ended`));
  const lines = createInterface({ input: socket });
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    if (name === undefined) {
      name = line;
      senders.set(name, (text) => socket.write(`${text}\n`));
    } else {
      arrived.push(`${name} ${line}`);
    }
  });
}

const servers = PORTS.flatMap((port) => [createServer((socket) => hold(socket)).listen(port, '::')]);
await Promise.all(servers.map((server) => once(server, 'listening')));
const sockets = PORTS.map((port) => {
  const socket: UdpSocket = createSocket({ type: 'udp6', recvBufferSize: 1 << 20 });
  socket.on('message', (message, { address, port: from }) => {
    const [name = '', text = ''] = message.toString().split(' ');
    senders.set(name, (answer) => socket.send(`${name} ${answer}`, from, address));
    if (text === 'open') {
      // A connection is established with the first answer.
      socket.send(`${name} opened`, from, address);
    } else {
      arrived.push(`${name} ${text}`);
    }
  });
  socket.bind(port, '::');
  return socket;
});
await Promise.all(sockets.map((socket) => once(socket, 'listening')));
console.log('ready');

interface Target {
  name: string;
  protocol: 'TCP' | 'UDP';
  address: string;
  port: number;
}

async function open({ name, protocol, address, port }: Target): Promise<void> {
  if (protocol === 'TCP') {
    const socket = connect(port, address);
    await once(socket, 'connect');
    hold(socket, name);
    socket.write(`${name}\n`);
    senders.set(name, (text) => socket.write(`${text}\n`));
    return;
  }
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => undefined);
  socket.connect(port, address);
  await once(socket, 'connect');
  const opened = once(socket, 'message');
  const ask = () => socket.send(`${name} open`);
  ask();
  const timer = setInterval(ask, 500);
  await opened;
  clearInterval(timer);
  socket.on('message', (message) => {
    const text = message.toString();
    if (text !== `${name} opened`) {
      arrived.push(text);
    }
  });
  senders.set(name, (text) => socket.send(`${name} ${text}`));
}

interface Command {
  /** Forgets all connections. */
  reset?: true;
  take?: true;
  open?: Target[];
  send?: { names: string[]; text: string };
  /** Sends datagrams to ports, and waits for no answer. */
  fire?: { address: string; ports: number[] };
}

async function fire({ address, ports }: { address: string; ports: number[] }): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  for (const port of ports) {
    await new Promise<void>((resolve) => socket.send('x', port, address, () => resolve()));
  }
  socket.close();
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  if (command.reset) {
    for (const socket of held.splice(0)) {
      socket.destroy();
    }
    senders.clear();
    arrived.length = 0;
  }
  await Promise.all((command.open ?? []).map(open));
  if (command.fire !== undefined) {
    await fire(command.fire);
  }
  for (const name of command.send?.names ?? []) {
    senders.get(name)?.(command.send!.text);
  }
  console.log(
    JSON.stringify({ known: [...senders.keys()].sort(), arrived: command.take ? arrived.splice(0) : [] }),
  );
}
