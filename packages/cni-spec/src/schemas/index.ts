/**
 * The zod/mini schemas of everything CNI puts into JSON. They only check, never transform, so that each
 * has a guard generated from it which needs no zod.
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
