import { familyOf } from '@cnikit/ip';
import { ownProblem } from '../../../desired/desired-host.ts';
import { familiesOf } from '../../../desired/sysctls.ts';
import { type Check, failure, warning } from '../finding.ts';

export const ownNode: Check = {
  name: 'node',
  good: ({ nodeName, own }) => `Node ${nodeName} has podCIDR ${own?.podCIDRs.join(' and ')}.`,
  find: ({ nodeName, own, api }) => {
    if (own === undefined && api.error !== undefined) {
      return [
        warning(
          `The podCIDR of Node ${nodeName} is unknown, because its Node object could not be read.`,
          'Run doctor again once the API server answers.',
        ),
      ];
    }
    const missing = ownProblem(own, nodeName).map(({ message }) =>
      failure(
        `${message}.`,
        own === undefined
          ? 'Set --node-name or NODE_NAME to the name that `kubectl get nodes` shows for this machine.'
          : 'Start the controller manager with --allocate-node-cidrs and --cluster-cidr, or set spec.podCIDRs of the Node.',
      ),
    );
    const rejected = (own?.rejected ?? []).map((reason) =>
      failure(`Node ${nodeName}: ${reason}.`, 'Correct the Node object.'),
    );
    const unreachable = [...(own === undefined ? [] : familiesOf(own))]
      .filter((family) => !own!.internalIPs.some((ip) => familyOf(ip) === family))
      .map((family) =>
        failure(
          `Node ${nodeName} has an ${family} podCIDR but no InternalIP of that family, so other nodes cannot route to its pods.`,
          'Start the kubelet with an address of each family in --node-ip.',
        ),
      );
    return [...missing, ...rejected, ...unreachable];
  },
};
