/**
 * An embedded, strict Kubernetes API server for Nodes, ConfigMaps and Events, over TLS with a bearer token, with fault
 * injection.
 *
 * ```ts
 * const server = await startApiServer({ clusterRoleFile: 'deploy/base/rbac.yaml' });
 * server.nodes.put({ metadata: { name: 'n1' }, spec: { podCIDRs: ['10.244.1.0/24'] } });
 * server.faults.dropWatches();
 * await server.close();
 * ```
 */
export { type ControlAddress, type ControlClient, controlClient, serveControl } from './control.ts';
export type { FailOptions, Faults } from './faults.ts';
export type { RequestLog } from './handler.ts';
export { type Authorizer, parseRbac } from './rbac.ts';
export type { KubeObject } from './resources.ts';
export { type ApiServer, type ApiServerOptions, type ObjectControl, startApiServer } from './server.ts';
export { ApiError, type Status } from './status.ts';
