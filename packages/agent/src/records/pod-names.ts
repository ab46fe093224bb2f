/** Names of pods for messages: reservations and links name only containers. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hostVethName } from '@cnikit/plugin';
import { NETWORK_NAME } from '../core/names.ts';
import type { Attachment } from '../core/pod-fields.ts';
import { recordedPod } from './runtime-record.ts';

/** An interface of a container; `pod` is `namespace/name` where it is known. */
export interface Nameable {
  containerID: string;
  /** Empty in reservations that name only the container: that of pods is eth0. */
  ifName: string;
  pod?: string | undefined;
}

/** Returns the items with `pod` as the runtime recorded it. Reads one file for each item without a pod. */
export function withPodNames<T extends Nameable>(cacheDir: string, items: readonly T[]): T[] {
  return items.map((item) => ({ ...item, pod: item.pod ?? podName(cacheDir, NETWORK_NAME, item) }));
}

/** Returns `namespace/name` of the pod of an interface, as the runtime recorded it. */
export function podName(
  cacheDir: string,
  network: string,
  { containerID: containerId, ifName }: Nameable,
): string | undefined {
  const pod = recordedPod(cacheDir, network, { containerId, ifName: ifName || 'eth0' });
  return pod && `${pod.namespace}/${pod.name}`;
}

/** Returns the pod as the runtime recorded it, or the container. */
export function describeOwner(cacheDir: string, network: string, owner: Nameable): string {
  return owner.pod ?? podName(cacheDir, network, owner) ?? `container ${owner.containerID}`;
}

/** Returns `namespace/name` of the pod behind a link of the plugin. The name of a link follows from the interface. */
export function podBehind(cacheDir: string, link: string): string | undefined {
  const prefix = `${NETWORK_NAME}-`;
  return recordNames(cacheDir)
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => attachmentsIn(name.slice(prefix.length)))
    .filter(({ containerId, ifName }) => hostVethName(NETWORK_NAME, containerId, ifName) === link)
    .map(({ containerId: containerID, ifName }) => podName(cacheDir, NETWORK_NAME, { containerID, ifName }))
    .find((name) => name !== undefined);
}

function recordNames(cacheDir: string): string[] {
  try {
    return readdirSync(join(cacheDir, 'results'));
  } catch {
    return [];
  }
}

/** Returns the possible parts of a record's name `containerID-ifName`: either may contain a hyphen. */
function attachmentsIn(name: string): Attachment[] {
  return [...name.matchAll(/-/g)].map(({ index }) => ({
    containerId: name.slice(0, index),
    ifName: name.slice(index + 1),
  }));
}
