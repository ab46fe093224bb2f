/**
 * Lists and watches any Kubernetes resource without ever stopping silently.
 *
 * ```ts
 * const kubeConfig = new KubeConfig();
 * kubeConfig.loadFromDefault();
 * for await (const change of watch({ kubeConfig, path: '/api/v1/nodes' })) {
 *   if (change.type === 'synced') console.log([...change.objects.keys()]);
 *   else console.log(change);
 * }
 * ```
 */
export { type ApiRequest, apiRequest } from './api-request.ts';
export type { BackoffOptions } from './backoff.ts';
export { type Clock, systemClock } from './clock.ts';
export { WatchError, type WatchErrorCode } from './errors.ts';
export type { Fields } from './fields.ts';
export { httpTransport } from './http.ts';
export { inClusterConfig } from './in-cluster.ts';
export type { Message as ProtobufMessage, MessageField as ProtobufField } from './protobuf/message.ts';
export type { Answer, GetOptions, KubeConfigLike, Transport } from './transport.ts';
export type { Change, KubeObject, ObjectChange, WatchEnd, WatchHooks, WatchOptions } from './types.ts';
export { watch } from './watch.ts';
