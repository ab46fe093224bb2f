import { CniError, ErrorCode } from '@cnikit/cni-spec';

/**
 * Refuses fields of the reference that decide what a pod may reach and are not served: to pass over one would
 * be unsafe. The value that switches a field off is fine.
 *
 * @throws CniError 2 naming the field and its value
 */
export function refuseFields(conf: Readonly<Record<string, unknown>>, keys: readonly string[]): void {
  for (const key of keys) {
    const value = conf[key];
    if (!value) continue;
    throw new CniError(
      ErrorCode.UnsupportedField,
      `Unsupported field ${key}: ${JSON.stringify(value)}`,
      'Remove it, or let the reference plugin serve this network',
    );
  }
}
