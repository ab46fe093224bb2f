import type { Scenario } from '../bed.ts';
import { items, nodeNames } from '../cluster.ts';
import { waitFor } from '../wait.ts';
import { agentLog } from './install.ts';

/** A Node that nobody runs: pods are to be routed to it, and nothing says where it is. */
const GHOST = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'ghost' },
  spec: { podCIDR: '10.99.0.0/24', podCIDRs: ['10.99.0.0/24'], unschedulable: true },
};

export const troubleIsAnEvent: Scenario = {
  title: 'a Node that no route can lead to is an Event of every other node',
  onMachines: true,
  async run({ cluster }) {
    const nodes = nodeNames(cluster);
    cluster.apply(JSON.stringify(GHOST));
    const told = () =>
      items<{ involvedObject: { name: string } }>(
        cluster,
        'events',
        '--field-selector',
        'reason=RouteMissing',
      ).map(({ involvedObject }) => involvedObject.name);
    await waitFor(
      'the Events',
      () => (nodes.every((node) => told().includes(node)) ? true : undefined),
      () => `Events of ${told().join(', ')}\n${agentLog(cluster.kubectl)}`,
    );
    cluster.kubectl('delete', 'node', GHOST.metadata.name);
    return undefined;
  },
};
