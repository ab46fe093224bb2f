/** Reads the records that libcni keeps of each ADD. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Attachment, type PodIdentity, parseIdentity } from '../core/pod-fields.ts';

/**
 * Returns the pod of an attachment. Undefined when there is no record, or the container is not a pod of Kubernetes.
 *
 * @param cacheDir directory of libcni
 */
export function recordedPod(
  cacheDir: string,
  network: string,
  { containerId, ifName }: Attachment,
): PodIdentity | undefined {
  if (containerId.includes('/')) {
    return undefined;
  }
  const path = join(cacheDir, 'results', `${network}-${containerId}-${ifName}`);
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as { containerId?: unknown; cniArgs?: unknown };
    if (record.containerId !== containerId || !Array.isArray(record.cniArgs)) {
      return undefined;
    }
    const args = new Map(record.cniArgs as [string, unknown][]);
    return parseIdentity({
      namespace: args.get('K8S_POD_NAMESPACE'),
      name: args.get('K8S_POD_NAME'),
      uid: args.get('K8S_POD_UID') || undefined,
    });
  } catch {
    return undefined;
  }
}
