/**
 * The zod/mini schemas of all JSON documents of CNI. They validate without transforming, so that a guard
 * without zod can be generated from each.
 *
 * ```ts
 * import { networkConfigSchema } from '@cnikit/cni-spec/schemas';
 *
 * networkConfigSchema.parse({ cniVersion: '1.1.0', name: 'net', type: 'bridge', bridge: 'cni0' });
 * ```
 */
export * from './capabilities.ts';
export * from './config.ts';
export * from './result.ts';
