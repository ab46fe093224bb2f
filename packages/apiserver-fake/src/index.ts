/**
 * A fake Kubernetes API server for tests: any resource over TLS with a bearer token, permissions from RBAC objects, and
 * faults on demand.
 *
 * ```ts
 * const server = await startApiServer();
 * server.pods.put({ metadata: { name: 'web' }, spec: { nodeName: 'n1' } });
 * server.faults.dropWatches();
 * await server.close();
 * ```
 *
 * @module
 */
export {
  type ControlAddress,
  type ControlClient,
  type ControlPort,
  controlClient,
  serveControl,
} from './control.ts';
export type { FailOptions, Faults } from './faults.ts';
export type { RequestLog } from './handler.ts';
export type { RbacObject } from './rbac.ts';
export type { KubeObject, ResourceDefinition } from './resources.ts';
export { type ApiServer, type ApiServerOptions, type ObjectControl, startApiServer } from './server.ts';
export { ApiError, type Status } from './status.ts';
