import { type Check, failure, warning } from '../finding.ts';

export const api: Check = {
  name: 'api',
  good: ({ api: { server } }) =>
    `The API server ${server} answers and grants every permission that the agent needs.`,
  find: ({ api: { server, error, access } }) => {
    const unreachable =
      error === undefined
        ? []
        : [
            failure(
              `Cannot list Nodes from the API server ${server}: ${error}.`,
              'Check the address (--api-server; the default, the kubernetes Service, needs kube-proxy), the network path to it, and the credentials. Until then the pod network stays unchanged.',
            ),
          ];
    const missing = access
      .filter(({ allowed }) => allowed === false)
      .map(({ verb, resource, namespace, use, needed, manifest = 'deploy/base/rbac.yaml' }) => {
        const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
        return (needed ? failure : warning)(
          `The agent is not allowed to ${verb} ${resource}${where}; it needs this ${use}.`,
          `Grant its ServiceAccount the verb ${verb} on ${resource}${where}: apply ${manifest} of this version, or see docs/operations.md.`,
        );
      });
    return [...unreachable, ...missing];
  },
};
