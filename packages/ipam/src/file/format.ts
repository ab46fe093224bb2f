import { formatAddress, parseAddress } from '../address.ts';
import { isContainerID, isIfName } from '../owner.ts';
import type { Owner } from '../store.ts';

/** The file whose flock(2) guards the directory. */
export const LOCK_NAME = 'lock';

/** The file that holds the address reserved last in a range set. */
export function lastName(rangeSet: number): string {
  return `last_reserved_ip.${rangeSet}`;
}

/** Whether a file name is that of a reservation: an address as the reference writes it. */
export function isAddressName(name: string): boolean {
  const address = parseAddress(name);
  return address !== undefined && formatAddress(address) === name;
}

/** Whether a file beside the reservations belongs there. */
export function isOwnName(name: string): boolean {
  return name === LOCK_NAME || /^last_reserved_ip\.\d+$/.test(name);
}

/** What a reservation's file holds. */
export function encodeOwner({ containerID, ifName }: Owner): string {
  return ifName === '' ? containerID : `${containerID}\r\n${ifName}`;
}

/** The owner that a file names, white space around it allowed, the container alone too; undefined for anything else. */
export function decodeOwner(text: string): Owner | undefined {
  const [containerID = '', ifName = '', ...rest] = text.trim().split('\r\n');
  if (rest.length > 0 || !isContainerID(containerID)) {
    return undefined;
  }
  return ifName === '' || isIfName(ifName) ? { containerID, ifName } : undefined;
}
