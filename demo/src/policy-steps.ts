import { type LabNode, type Namespace, type Pod, until } from '@cnikit/testing-lab';
import { drawMatrix, type PingRow, pingMatrix } from './checks/pings.ts';
import { untilRoutes } from './checks/routes.ts';
import { type Cluster, podsOf } from './cluster.ts';
import type { Finding } from './finding.ts';
import type { Step } from './step.ts';

const NODE = 'n5';
/** Policies meet the packets between pods of one node where each pod is routed, the default. */
const OPTIONS = ['--network-policy'];
const POLICY = {
  metadata: { namespace: 'default', name: 'only-a' },
  spec: { podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: `${NODE}-a` } } }] }] },
};

/** The steps about NetworkPolicies, on a node that joins for them and leaves again. */
export const POLICY_STEPS: readonly Step[] = [
  {
    title: 'A node that enforces NetworkPolicies joins: n5, with three pods',
    essential: true,
    async run(cluster) {
      cluster.api.namespaces.put({ metadata: { name: 'default' } });
      const node = await cluster.addNode(NODE);
      const agent = cluster.prepareAgent(node, OPTIONS);
      await agent.start();
      // Until the rules are programmed, the plugin refuses pods.
      await agent.ready();
      await Promise.all(['a', 'b', 'c'].map((letter) => addPod(cluster, node, letter)));
      return expected(await pingMatrix(podsOf(node), podsOf(node)), () => false);
    },
  },
  {
    title: 'A NetworkPolicy admits only n5-a to the pods of n5',
    async run(cluster) {
      const node = cluster.node(NODE);
      cluster.api.networkPolicies.put(POLICY);
      await until(`the policy on ${NODE}`, async () => {
        const pods = await node.must(['nft', 'list', 'map', 'inet', 'cnikit-policy', 'ingress-ipv4']);
        return pods.includes(' : goto ') && !pods.includes(' : accept');
      });
      return expected(await pingMatrix(podsOf(node), podsOf(node), denied), denied);
    },
  },
  {
    title: 'The agent on n5 is killed and n5-d starts: closed, until the agent is back',
    async run(cluster) {
      const node = cluster.node(NODE);
      await cluster.agent(NODE).kill();
      const fresh = await addPod(cluster, node, 'd');
      const closed = (from: Namespace, to: Pod) => from !== to && (to === fresh || denied(from, to));
      const [source, ...others] = podsOf(node).filter((pod) => pod !== fresh);
      const without = expected(await pingMatrix([source!, ...others], podsOf(node), closed), closed);
      await cluster.agent(NODE).start();
      await cluster.agent(NODE).ready();
      const rows = await pingMatrix([source!, fresh], [fresh, ...others], denied);
      const again = expected(rows, denied);
      await cluster.removeNode(NODE);
      await Promise.all(cluster.nodes.map((other) => untilRoutes(other, node, false)));
      return without.passed ? again : without;
    },
  },
];

/** A pod reaches itself. */
const denied = (from: Namespace, to: Pod): boolean => from !== to && from.name !== `${NODE}-a`;

/** Adds a pod and its Pod object, as API server and kubelet do: the address appears there after the start. */
async function addPod(cluster: Cluster, node: LabNode, letter: string): Promise<Pod> {
  const name = `${node.name}-${letter}`;
  const metadata = { namespace: 'default', name, labels: { app: name } };
  const spec = { nodeName: node.name, containers: [{ name: 'main', image: 'demo' }] };
  cluster.api.pods.put({ metadata, spec });
  const pod = await node.addPod(name);
  const podIPs = pod.ips.map((ip) => ({ ip }));
  cluster.api.pods.put({ metadata, spec, status: { phase: 'Running', podIPs } });
  return pod;
}

function expected(rows: PingRow[], isDenied: (from: Namespace, to: Pod) => boolean): Finding {
  const cells = rows.flatMap(({ from, cells: row }) => row.map((cell) => ({ from, ...cell })));
  const wrong = cells.filter(({ from, to, ipv4, ipv6 }) => [ipv4, ipv6].includes(isDenied(from, to)));
  const closed = cells.filter(({ from, to }) => isDenied(from, to)).length;
  const outcome =
    wrong.length === 0
      ? `${cells.length - closed} pairs of pods connect, ${closed} do not`
      : `wrong: ${wrong.map(({ from, to }) => `${from.name} to ${to.name}`).join(', ')}`;
  return { passed: wrong.length === 0, outcome, draw: () => drawMatrix(rows) };
}
