import { IpamError } from './errors.ts';
import type { Owner } from './store.ts';

/** CNI 1.1.0 section 2, Parameters. */
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** As the kernel's dev_valid_name() has it, with all of Unicode's spaces. */
const IF_NAME = /^[^/:\s\0\u0085]+$/;
/** IFNAMSIZ - 1 of linux/if.h, in bytes. */
const IF_NAME_BYTES = 15;

/** Whether text can be a container id; ids become file names, so nothing else may pass. */
export function isContainerID(text: string): boolean {
  return CONTAINER_ID.test(text);
}

/** Whether text can be the name of an interface. */
export function isIfName(text: string): boolean {
  return IF_NAME.test(text) && text !== '.' && text !== '..' && utf8Length(text) <= IF_NAME_BYTES;
}

/** TextEncoder is not everywhere. */
function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
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
      `Interface name ${JSON.stringify(ifName)} must have 1 to 15 bytes without '/', ':' and spaces (CNI_IFNAME)`,
    );
  }
}
