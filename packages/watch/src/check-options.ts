import type { BackoffOptions } from './backoff.ts';
import { checkKeys } from './check-keys.ts';
import { jsonEqual } from './equal.ts';
import { fieldsOf } from './protobuf/message.ts';
import type { WatchHooks, WatchOptions } from './types.ts';

/**
 * Refuses unknown options, hooks and settings of the backoff.
 *
 * @throws {TypeError} with the key and the expected ones
 */
export function checkOptions<T, O>(options: WatchOptions<T, O>): void {
  checkKeys<keyof WatchOptions<T, O>>('options', options, {
    kubeConfig: true,
    transport: true,
    path: true,
    select: true,
    fields: true,
    protobuf: true,
    equal: true,
    fieldSelector: true,
    labelSelector: true,
    signal: true,
    hooks: true,
    notOlderThan: true,
    pageSize: true,
    timeoutSeconds: true,
    idleSeconds: true,
    requestSeconds: true,
    gatherMs: true,
    backoff: true,
    maxObjectBytes: true,
    clock: true,
    random: true,
  });
  const { fields, protobuf } = options;
  if (protobuf !== undefined && !jsonEqual(fields, fieldsOf(protobuf))) {
    throw new TypeError('Invalid protobuf: expected the same fields as in the option fields');
  }
  checkKeys<keyof BackoffOptions>('backoff', options.backoff ?? {}, {
    initialMs: true,
    maxMs: true,
    healthyMs: true,
  });
  const { hooks = {} } = options;
  // An instance of a class may have fields for itself.
  if (Object.getPrototypeOf(hooks) === Object.prototype) {
    checkKeys<keyof WatchHooks>('hooks', hooks, {
      onList: true,
      onWatchStart: true,
      onWatchEnd: true,
      onEvent: true,
      onError: true,
    });
  }
}
