import { IpamError } from './errors.ts';
import type { Owner } from './store.ts';

/** CNI 1.1.0 section 2, Parameters. */
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** At most IFNAMSIZ - 1 bytes that can be part of a path; a non-ASCII letter counts for two or more. */
const IF_NAME = /^[^/:\s\0]{1,15}$/;

/** Whether text can be a container id; ids become file names, so nothing else may pass. */
export function isContainerID(text: string): boolean {
  return CONTAINER_ID.test(text) && !text.endsWith('\n');
}

/** Whether text can be the name of an interface. */
export function isIfName(text: string): boolean {
  return IF_NAME.test(text) && text !== '.' && text !== '..';
}

/** Throws IpamError OWNER when an owner cannot be one. */
export function assertOwner({ containerID, ifName }: Owner): void {
  if (!isContainerID(containerID)) {
    throw new IpamError(
      'OWNER',
      `Container id ${JSON.stringify(containerID)} must match ${CONTAINER_ID.source} (CNI_CONTAINERID)`,
    );
  }
  if (!isIfName(ifName)) {
    throw new IpamError(
      'OWNER',
      `Interface name ${JSON.stringify(ifName)} must have 1 to 15 characters without '/', ':' and spaces (CNI_IFNAME)`,
    );
  }
}
