/** Measures what policies cost a packet that a node forwards between two of its pods. */
import { spawnSync } from 'node:child_process';
import { openConntrack } from '@cnikit/netlink/conntrack';
import { type ClusterObject, PolicyCompiler, type Ruleset, readObject } from '@cnikit/policy';
import { compiled } from '../lib/exec-timer.ts';
import { ip, podNetns } from '../plugin/node.ts';
import { NODE } from './objects.ts';

/** Pod network of the two pods. */
export const PACKET_CIDRS = ['10.2.0.0/24'];
const [CLIENT, SERVER] = ['10.2.0.2', '10.2.0.3'];
/** Packets of one measurement, each to its own port. */
const COUNT = 40_000;
/** The port that answers; the others follow. */
const FIRST_PORT = 19_999;

/** Processor time of a packet in ns: the first one of its connection, and one of an established connection. */
export interface PacketCost {
  first: number;
  established: number;
}

/** Makes a pod, routed through this namespace. Returns the path of its network namespace. */
export function linkPod(index: number, address: string): string {
  const path = podNetns(index);
  const netns = path.split('/').at(-1)!;
  const link = `pod${index}`;
  ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns);
  ip('link', 'set', link, 'up');
  ip('address', 'add', '169.254.1.1/32', 'dev', link);
  ip('-n', netns, 'link', 'set', 'eth0', 'up');
  ip('-n', netns, 'address', 'add', `${address}/32`, 'dev', 'eth0');
  ip('-n', netns, 'route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'eth0', 'onlink');
  ip('route', 'add', address, 'dev', link);
  return path;
}

/** Makes two pods that reach each other through this namespace. */
export function setUpPods(): void {
  spawnSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  for (const [i, address] of [CLIENT, SERVER].entries()) {
    linkPod(i, address);
  }
  // A closed port would answer by ICMP, which costs more than forwarding.
  const rules =
    'table ip quiet { chain in { type filter hook input priority 0; udp dport >= 20000 drop\n}\n}\n';
  const quiet = spawnSync('ip', ['netns', 'exec', podNetns(1).split('/').at(-1)!, 'nft', '-f', '-'], {
    input: rules,
    encoding: 'utf8',
  });
  if (quiet.status !== 0) {
    throw new Error(`nft: ${quiet.stderr}`);
  }
}

/** Returns the rules of the server's node: `count` policies select the server, and only the last admits the client. */
export function rulesetOf(count: number): Ruleset {
  const compiler = new PolicyCompiler(NODE);
  const pod = (name: string, address: string) => ({
    kind: 'Pod',
    metadata: { namespace: 'bench', name, labels: { app: name } },
    spec: { nodeName: NODE, containers: [{}] },
    status: { phase: 'Running', podIPs: [{ ip: address }] },
  });
  const policies = Array.from({ length: count }, (_, i) => ({
    kind: 'NetworkPolicy',
    metadata: { namespace: 'bench', name: `policy-${String(i).padStart(4, '0')}` },
    spec: {
      podSelector: { matchLabels: { app: 'server' } },
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { app: i === count - 1 ? 'client' : `other-${i}` } } }],
          ports: [{ protocol: 'UDP', port: FIRST_PORT, endPort: FIRST_PORT + COUNT + 1 }],
        },
      ],
    },
  }));
  // A selection without pods gives no rule.
  const others = policies.slice(1).map((_, i) => pod(`other-${i}`, `10.9.${i >> 8}.${i & 255}`));
  const all = [pod('client', CLIENT), pod('server', SERVER), ...others, ...policies];
  compiler.apply(all.map((object) => ({ type: 'put', object: readObject(object) as ClusterObject })));
  return compiler.ruleset;
}

/** @throws {Error} when a packet does not arrive */
export function measurePackets(): PacketCost {
  const argv = ['netns', 'exec', podNetns(0).split('/').at(-1)!, compiled('udp-path')];
  const { stdout, stderr, status } = spawnSync('ip', [...argv, podNetns(1), SERVER, String(COUNT)], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`udp-path: ${stderr}`);
  }
  const [first = 0, established = 0] = stdout.split(' ').map(Number);
  // Entries of a round would make those of the next established.
  const conntrack = openConntrack();
  conntrack.delete('ipv4', () => true);
  conntrack.close();
  return { first, established };
}
