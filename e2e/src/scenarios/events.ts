import { ipVersion, items, nodeNames } from '../cluster.ts';
import type { Scenario } from '../context.ts';
import { logOperatorView } from '../operator-view.ts';
import { waitFor } from '../wait.ts';
import { agentLog } from './install.ts';

/** A Node object without a machine or an address: no route can lead to its podCIDR. */
const GHOST = 'ghost';

function ghost(podCIDR: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: GHOST },
    spec: { podCIDR, podCIDRs: [podCIDR], unschedulable: true },
  };
}

export const troubleIsAnEvent: Scenario = {
  title: 'the agents create an Event on every node for a Node without an address',
  needs: ['machines'],
  async run({ cluster }) {
    const nodes = nodeNames(cluster);
    cluster.apply(JSON.stringify(ghost(ipVersion(cluster) === 4 ? '10.99.0.0/24' : 'fd00:10:99::/64')));
    const reported = () =>
      items<{ involvedObject: { name: string } }>(
        cluster,
        'events',
        '--field-selector',
        'reason=RouteMissing',
      ).map(({ involvedObject }) => involvedObject.name);
    try {
      await waitFor(
        'the Events',
        () => (nodes.every((node) => reported().includes(node)) ? true : undefined),
        () => `Events of ${reported().join(', ')}\n${agentLog(cluster.kubectl)}`,
      );
      logOperatorView(cluster, 'a Node without an address exists');
    } finally {
      cluster.kubectl('delete', 'node', GHOST);
    }
    return undefined;
  },
};
