import { nodeNames } from '../cluster.ts';
import type { Scenario } from '../context.ts';
import { awaitPods, createPods, ping } from '../pods.ts';

/** Creates the pods that the later scenarios use. */
export const podsOnEachNode: Scenario = {
  title: 'two pods per node run, each with an address of every family of its node',
  essential: true,
  async run({ cluster }) {
    const nodes = nodeNames(cluster);
    createPods(
      cluster,
      nodes.flatMap((node) => ['a', 'b'].map((letter) => ({ name: `${node}-${letter}`, node }))),
    );
    const pods = await awaitPods(cluster, nodes.length * 2);
    for (const { name, node, ips } of pods) {
      const path = 'jsonpath={.spec.podCIDRs[*]}';
      const families = cluster.kubectl('get', 'node', node, '-o', path).trim().split(' ').length;
      if (ips.length !== families) {
        throw new Error(`${name} has ${ips.join(' ')}, its node ${families} podCIDRs`);
      }
    }
    return pods.map(({ name, ips }) => `${name} ${ips.join(' ')}`).join('; ');
  },
};

export const podsPing: Scenario = {
  title: 'every pod pings every pod, on its node and across nodes, in every family',
  async run({ cluster }) {
    const pods = await awaitPods(cluster, nodeNames(cluster).length * 2);
    let pings = 0;
    for (const from of pods) {
      const ips = pods.flatMap((pod) => pod.ips);
      ping(cluster, from, ips);
      pings += ips.length;
    }
    return `${pings} pings`;
  },
};
