import { type Check, failure, warning } from '../finding.ts';

export const api: Check = {
  name: 'api',
  good: ({ api: { server } }) => `The API server ${server} answers and allows all that the agent asks of it.`,
  find: ({ api: { server, error, access } }) => {
    const unreachable =
      error === undefined
        ? []
        : [
            failure(
              `The API server ${server} did not list its Nodes: ${error}.`,
              'Check the address (--api-server, or KUBERNETES_SERVICE_HOST of the pod: that of the Service needs kube-proxy), the network to it, and the credentials. The pod network stays as it is meanwhile.',
            ),
          ];
    const missing = access
      .filter(({ allowed }) => allowed === false)
      .map(({ verb, resource, namespace, use, needed }) => {
        const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
        return (needed ? failure : warning)(
          `The agent may not ${verb} ${resource}${where}, which it needs ${use}.`,
          `Allow its ServiceAccount the verb ${verb} on ${resource}${where}: apply deploy/base/rbac.yaml of this version, or see docs/operations.md.`,
        );
      });
    return [...unreachable, ...missing];
  },
};
