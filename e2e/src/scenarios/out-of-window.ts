/**
 * A TCP segment out of the window has no connection for conntrack, so NAT does not translate its addresses back. The
 * receiver does not know the connection either and resets it (kubernetes/kubernetes#74839).
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, nodeAddress, nodeNames } from '../cluster.ts';
import { type Context, machinesOf, onNode, type Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { inNamespaceOf, startInPod } from '../pod-program.ts';
import { container, PORT, type Pod, startPods } from '../pods.ts';
import { ackSegment, dumpedSegments, type Segment } from '../tcp-segment.ts';
import { waitFor } from '../wait.ts';
import { createService } from './services.ts';

const HOST_PORT = 30_995;
/** Distances of sequence numbers from the window. Conntrack of newer kernels accepts segments behind it. */
const OUT_OF_WINDOW = [-100_000, 1 << 30];
const LISTEN_PORT = PORT + 1;

/** Sends one request over one connection for each line in a FIFO, and prints "answered" or "lost". */
const CLIENT = `exec 4<>"$2"
until exec 3<>"/dev/tcp/$0/$1"; do sleep 0.3; done
while read -r _ <&4; do
  if echo ask >&3 && read -r -t 5 _ <&3; then echo answered; else echo lost; fi
done`;

/** A place that programs run in: a pod, or a machine itself. */
type Place = Pod | string;

function startAt(context: Context, place: Place, name: string, ...argv: string[]): () => void {
  if (typeof place !== 'string') {
    return startInPod(context, place, name, ...argv);
  }
  machinesOf(context).start(place, name, ...argv);
  return () => machinesOf(context).stop(place, name, 'KILL');
}

const machineOf = (place: Place): string => (typeof place === 'string' ? place : place.node);

interface Connection {
  client: Place;
  server: Place;
  /** The server's own address. */
  serverAddress: string;
  /** Address and port that the client connects to. */
  address: string;
  port: number;
}

/**
 * Opens a connection, sends segments out of the window from the server, and returns whether the connection still works.
 */
async function survives(context: Context, connection: Connection): Promise<boolean> {
  const { client, server, serverAddress, address, port } = connection;
  // Logs of earlier runs stay, so the name must be new.
  const name = `window-${Date.now()}`;
  const family = serverAddress.includes(':') ? 6 : 4;
  const fifo = join(context.state, `${name}.fifo`);
  rmSync(fifo, { force: true });
  onNode(context, machineOf(client), 'mkfifo', fifo);
  const printed = (place: Place, program: string) =>
    readFileSync(machinesOf(context).log(machineOf(place), `${name}-${program}`), 'utf8');
  let requests = 0;
  const answered = async (): Promise<boolean> => {
    requests++;
    onNode(context, machineOf(client), 'sh', '-c', 'echo next > "$0"', fifo);
    const results = await waitFor(`the answer to request ${requests} over the connection`, () => {
      const lines = printed(client, 'client').match(/^(answered|lost)$/gm) ?? [];
      return lines.length === requests ? lines : undefined;
    });
    return results.at(-1) === 'answered';
  };
  const ends: (() => void)[] = [];
  const start = (place: Place, program: string, ...argv: string[]) =>
    ends.push(startAt(context, place, `${name}-${program}`, ...argv));
  try {
    start(server, 'server', 'socat', `TCP${family}-LISTEN:${LISTEN_PORT},reuseaddr,fork`, 'PIPE');
    start(server, 'dump', 'socat', '-u', '-x', `IP${family}-RECV:6`, '/dev/null');
    start(client, 'client', 'bash', '-c', CLIENT, address, String(port), fifo);
    let last: Segment | undefined;
    while (last === undefined) {
      if (!(await answered())) {
        throw new Error(`${address}:${port} does not answer`);
      }
      last = dumpedSegments(printed(server, 'dump'))
        .filter(({ destinationPort }) => destinationPort === LISTEN_PORT)
        .at(-1);
    }
    const peer =
      run(context, server, 'ss', '-tnH', `sport = :${LISTEN_PORT}`).match(/(\S+):\d+\s*$/m)?.[1] ?? '';
    for (const distance of OUT_OF_WINDOW) {
      const segment = ackSegment(serverAddress, peer.replace(/[[\]]/g, ''), {
        sourcePort: LISTEN_PORT,
        destinationPort: last.sourcePort,
        sequence: last.acknowledgement + distance,
        acknowledgement: last.sequence + last.length,
      });
      const octal = [...segment].map((byte) => `\\0${byte.toString(8)}`).join('');
      run(
        context,
        server,
        'sh',
        '-c',
        `printf %b "$0" | socat -u - "$1"`,
        octal,
        `IP${family}-SENDTO:${peer}:6`,
      );
    }
    return await answered();
  } finally {
    for (const end of ends) {
      end();
    }
    rmSync(fifo, { force: true });
  }
}

function run(context: Context, place: Place, ...argv: string[]): string {
  return typeof place === 'string'
    ? onNode(context, place, ...argv)
    : onNode(context, place.node, ...inNamespaceOf(context, place), ...argv);
}

/** Sysctl: 1 makes conntrack accept segments out of the window, so that NAT translates their addresses. */
const LIBERAL = 'net.netfilter.nf_conntrack_tcp_be_liberal';

async function connections(cluster: Cluster, namespace: string): Promise<Record<string, Connection>> {
  const [node = '', other = ''] = nodeNames(cluster);
  const [server, client] = await startPods(
    cluster,
    [
      { name: 'server', node, labels: { app: 'web' }, spec: { containers: [listening(cluster)] } },
      { name: 'client', node: other },
    ],
    namespace,
  );
  const ports = [{ port: 80, targetPort: LISTEN_PORT }];
  const { clusterIP } = createService(cluster, namespace, 'window', { ports });
  const pod = { server: server!, serverAddress: server!.ips[0]! };
  const address = nodeAddress(cluster, node);
  // The machine of the control plane has the first address of the nodes' network.
  const outside = address.replace(/\d+$/, '1');
  return {
    Service: { ...pod, client: client!, address: clusterIP, port: 80 },
    hostPort: { ...pod, client: other, address, port: HOST_PORT },
    masquerade: {
      client: client!,
      server: 'cp',
      serverAddress: outside,
      address: outside,
      port: LISTEN_PORT,
    },
  };
}

/** A container whose host port leads to the server that the scenario starts beside it. */
function listening({ podImage }: Cluster): object {
  const ports = [{ containerPort: LISTEN_PORT, hostPort: HOST_PORT }];
  return { ...container(podImage, ['sleep', '3600']), ports };
}

export const outOfWindow: Scenario = {
  title: 'no TCP segment out of the window resets a connection through NAT if conntrack is liberal',
  needs: ['service proxy', 'machines'],
  dependsOnProxy: true,
  async run(context) {
    const { cluster } = context;
    const setLiberal = (value: string) => {
      for (const node of nodeNames(cluster)) {
        onNode(context, node, 'sysctl', '-q', '-w', `${LIBERAL}=${value}`);
      }
    };
    return await leavingNothing(context, 'e2e-window', async (namespace) => {
      const results = new Map<string, string>();
      const all = Object.entries(await connections(cluster, namespace));
      for (const [title, connection] of all) {
        const kept = await survives(context, connection);
        // kube-proxy in nftables mode does not drop INVALID packets, and no mode drops those to the node itself.
        if (!kept && cluster.proxy === 'iptables' && title !== 'masquerade') {
          throw new Error(`The connection through ${title} was reset`);
        }
        results.set(title, kept ? 'kept' : 'reset');
      }
      setLiberal('1');
      try {
        for (const [title, connection] of all) {
          if (!(await survives(context, connection))) {
            throw new Error(`The connection through ${title} was reset in spite of ${LIBERAL}`);
          }
        }
      } finally {
        setLiberal('0');
      }
      const byDefault = [...results].map(([title, result]) => `${title} ${result}`).join(', ');
      return `liberal: all kept; by default: ${byDefault}`;
    });
  },
};
