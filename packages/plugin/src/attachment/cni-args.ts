import type { CheckedConfig } from '@cnikit/cni-spec';

/** What `args.cni` of the configuration holds; by convention it is optional data, and a stranger's is no error. */
export function cniArgs(raw: CheckedConfig): Record<string, unknown> {
  const { cni } = (raw.args ?? {}) as { cni?: unknown };
  return typeof cni === 'object' && cni !== null ? { ...cni } : {};
}
