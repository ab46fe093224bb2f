import type { CheckedConfig } from '@cnikit/cni-spec';

/** Returns `args.cni` of the configuration. By convention it is optional data, so other content is not an error. */
export function cniArgs(raw: CheckedConfig): Record<string, unknown> {
  const { cni } = (raw.args ?? {}) as { cni?: unknown };
  return typeof cni === 'object' && cni !== null ? { ...cni } : {};
}
