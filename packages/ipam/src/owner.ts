import { isIdentifier } from '#native';
import { IpamError } from './errors.ts';
import type { Owner } from './store.ts';

/** The rule of dev_valid_name() in the kernel, for all spaces of Unicode. */
const IF_NAME = /^[^/:\s\0\u0085]+$/;
/** IFNAMSIZ - 1 of linux/if.h, in bytes. */
const IF_NAME_BYTES = 15;

/** Returns true for a valid container ID (CNI 1.1.0 section 2, Parameters). IDs become file names. */
export function isContainerID(text: string): boolean {
  return typeof text === 'string' && isIdentifier(text);
}

/** Returns true for a valid interface name. */
export function isIfName(text: string): boolean {
  return typeof text === 'string' && (isUsualName(text) || isUnusualName(text));
}

function isUsualName(text: string): boolean {
  return text.length <= IF_NAME_BYTES && isIdentifier(text);
}

function isUnusualName(text: string): boolean {
  return IF_NAME.test(text) && text !== '.' && text !== '..' && utf8Length(text) <= IF_NAME_BYTES;
}

/** Counts the bytes of UTF-8. QuickJS has no TextEncoder. */
function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

/**
 * Validates an owner.
 *
 * @throws {IpamError} `OWNER`
 */
export function assertOwner({ containerID, ifName }: Owner): void {
  if (!isContainerID(containerID)) {
    throw new IpamError(
      'OWNER',
      `Invalid container ID ${JSON.stringify(containerID)} (CNI_CONTAINERID): expected ^[A-Za-z0-9][A-Za-z0-9_.-]*$`,
    );
  }
  if (!isIfName(ifName)) {
    throw new IpamError(
      'OWNER',
      `Invalid interface name ${JSON.stringify(ifName)} (CNI_IFNAME): expected 1 to 15 bytes without '/', ':' and spaces`,
    );
  }
}
