import { formatAddress, parseAddress } from '../address.ts';
import { isContainerID, isIfName } from '../owner.ts';
import type { Owner } from '../store.ts';

/** The file whose flock(2) protects the directory. */
export const LOCK_NAME = 'lock';

/** Returns the name of the file with the address last reserved in a range set. */
export function lastName(rangeSet: number): string {
  return `last_reserved_ip.${rangeSet}`;
}

/** Returns true for the name of a reservation file: an address in canonical text. */
export function isAddressName(name: string): boolean {
  const address = parseAddress(name);
  return address !== undefined && formatAddress(address) === name;
}

/** Returns true for the lock file and the files of the addresses last reserved. */
export function isOwnName(name: string): boolean {
  return name === LOCK_NAME || /^last_reserved_ip\.\d+$/.test(name);
}

/** Returns the content of a reservation file. */
export function encodeOwner({ containerID, ifName }: Owner): string {
  return ifName === '' ? containerID : `${containerID}\r\n${ifName}`;
}

/**
 * Parses a reservation file, with surrounding white space and without interface name too. Returns `undefined`
 * if invalid.
 */
export function decodeOwner(text: string): Owner | undefined {
  const lines = text.trim();
  const end = lines.indexOf('\r\n');
  const containerID = end < 0 ? lines : lines.slice(0, end);
  // A further line makes it invalid.
  const ifName = end < 0 ? '' : lines.slice(end + 2);
  return isContainerID(containerID) && (ifName === '' || isIfName(ifName))
    ? { containerID, ifName }
    : undefined;
}
