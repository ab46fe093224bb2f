import { type Pod, startPing } from '@cnikit/testing-lab';
import { checkDoctor, checkPlan } from './checks/agent-checks.ts';
import { leftovers } from './checks/leftovers.ts';
import { count, drawMatrix, type PingRow, pingMatrix } from './checks/pings.ts';
import { untilRoutes } from './checks/routes.ts';
import { addressesOf, drawSightings, isExpected, sightings } from './checks/sources.ts';
import { type Cluster, podsOf } from './cluster.ts';
import type { Finding } from './finding.ts';
import { POLICY_STEPS } from './policy-steps.ts';
import type { Step } from './step.ts';

const PODS = ['a', 'b'];

/** Adds two pods to each node, all at the same time, as kubelets do. */
export async function addPods(cluster: Cluster, nodeNames: readonly string[]): Promise<Pod[]> {
  const wanted = nodeNames.flatMap((node) => PODS.map((pod) => ({ node, name: `${node}-${pod}` })));
  return Promise.all(wanted.map(({ node, name }) => cluster.node(node).addPod(name)));
}

function expectReplies(rows: PingRow[], draw = true): Finding {
  const { sent, replied } = count(rows);
  const passed = sent === replied;
  const outcome = `${replied} replies to ${sent} pings`;
  return { passed, outcome, draw: draw || !passed ? () => drawMatrix(rows) : undefined };
}

/** The steps in their order. */
export const STEPS: readonly Step[] = [
  {
    title: 'Three nodes join, each with its Node object: n1 n2, and n3 behind the router',
    essential: true,
    async run(cluster) {
      for (const name of ['n1', 'n2']) {
        await cluster.addNode(name);
      }
      await cluster.addNode('n3', { far: true });
      return { passed: true };
    },
  },
  {
    title: 'cnikit-agent plan: the changes that the agent would make on n1',
    async run(cluster) {
      return checkPlan(await cluster.prepareAgent(cluster.node('n1')).inspect('plan'));
    },
  },
  {
    title: 'An agent starts on each node',
    essential: true,
    async run(cluster) {
      await Promise.all(cluster.nodes.map((node) => cluster.startAgent(node)));
      return { passed: true, outcome: 'routes, NAT, plugin and conflist are in place' };
    },
  },
  {
    title: 'Two pods start on each node, with the installed plugin',
    essential: true,
    async run(cluster) {
      const start = performance.now();
      const pods = await addPods(cluster, ['n1', 'n2', 'n3']);
      const each = (performance.now() - start) / pods.length;
      return { passed: true, outcome: `${pods.length} pods, ${each.toFixed(0)} ms each` };
    },
  },
  {
    title: 'Every pod pings every pod, over VXLAN to and from n3',
    async run(cluster) {
      return expectReplies(await pingMatrix(cluster.pods, cluster.pods));
    },
  },
  {
    title: 'cnikit-agent doctor: n1 is healthy, then the configuration of another CNI plugin is found',
    async run(cluster) {
      return checkDoctor(cluster.node('n1'), cluster.agent('n1'));
    },
  },
  {
    title: 'Every node pings every pod',
    async run(cluster) {
      return expectReplies(await pingMatrix(cluster.nodes, cluster.pods), false);
    },
  },
  {
    title: 'Pods reach the outside with the address of their node',
    async run({ lab, nodes }) {
      const pods = nodes.flatMap((node) => podsOf(node).slice(0, 1));
      const target = { namespace: lab.outside, name: 'outside', addresses: lab.outside.address };
      const all = await sightings(pods, target, (pod, family) => pod.node.address[family]);
      return { passed: all.every(isExpected), draw: () => drawSightings(all, nodes) };
    },
  },
  {
    title: 'Pods reach pods with their own address',
    async run({ nodes }) {
      const [target, ...others] = nodes.map((node) => podsOf(node)[0]);
      if (!target) {
        return { passed: false, outcome: 'no pod' };
      }
      const from = others.filter((pod) => pod !== undefined);
      const at = { namespace: target, name: target.name, addresses: addressesOf(target) };
      const all = await sightings(from, at, (pod, family) => pod.ip4or6(family));
      return { passed: all.every(isExpected), draw: () => drawSightings(all, nodes) };
    },
  },
  {
    title: 'A node joins: n4, with two pods',
    async run(cluster) {
      const old = cluster.pods;
      const n4 = await cluster.addNode('n4');
      await Promise.all([
        cluster.startAgent(n4),
        ...cluster.nodes.filter((node) => node !== n4).map((node) => untilRoutes(node, n4, true)),
      ]);
      const fresh = await addPods(cluster, ['n4']);
      const rows = [...(await pingMatrix(old, fresh)), ...(await pingMatrix(fresh, old))];
      return expectReplies(rows, false);
    },
  },
  {
    title: 'A node leaves: n4 loses power and its Node is deleted',
    async run(cluster) {
      const n4 = cluster.node('n4');
      await cluster.removeNode('n4');
      await Promise.all(cluster.nodes.map((node) => untilRoutes(node, n4, false)));
      return { passed: true, outcome: 'no node has a route to it any more' };
    },
  },
  {
    title: 'Routes are deleted manually on n1',
    async run(cluster) {
      const n1 = cluster.node('n1');
      const n2 = cluster.node('n2');
      await untilRoutes(n1, n2, true);
      await n1.ip(`route delete ${n2.podCidrs.ipv4}`, `route delete ${n2.podCidrs.ipv6}`);
      const start = performance.now();
      await untilRoutes(n1, n2, true);
      const after = performance.now() - start;
      return { passed: true, outcome: `restored, seen after ${after.toFixed(0)} ms` };
    },
  },
  {
    title: 'The agent on n2 stops and starts again, under steady pings',
    async run(cluster) {
      const [one, two, three] = cluster.nodes.map((node) => podsOf(node)[0]);
      if (!one || !two || !three) {
        return { passed: false, outcome: 'no pod' };
      }
      const pings = await Promise.all([
        startPing(one, two.ip4or6('ipv4')),
        startPing(three, two.ip4or6('ipv6')),
        startPing(two, cluster.lab.outside.address.ipv4),
      ]);
      const waitForMore = () => Promise.all(pings.map((steady) => steady.more(25)));
      await cluster.agent('n2').stop();
      await waitForMore();
      await cluster.agent('n2').start();
      await cluster.agent('n2').ready();
      await waitForMore();
      const ends = await Promise.all(pings.map((steady) => steady.stop()));
      const sum = (key: 'sent' | 'lost') => ends.reduce((total, end) => total + end[key], 0);
      return {
        passed: sum('lost') === 0,
        outcome: `${sum('sent')} pings to and from its pods, ${sum('lost')} lost`,
      };
    },
  },
  ...POLICY_STEPS,
  {
    title: 'All pods are deleted',
    async run(cluster) {
      const start = performance.now();
      const pods = cluster.pods;
      await Promise.all(pods.map((pod) => pod.node.removePod(pod.name)));
      const each = (performance.now() - start) / pods.length;
      const left = (await Promise.all(cluster.nodes.map(leftovers))).flat();
      if (left.length > 0) {
        return { passed: false, outcome: `left behind: ${left.join(', ')}` };
      }
      return { passed: true, outcome: `no link and no reservation left behind, ${each.toFixed(0)} ms each` };
    },
  },
];
