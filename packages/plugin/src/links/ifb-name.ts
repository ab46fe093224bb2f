import { sha512 } from '@cnikit/sys/internal';

const PREFIX = 'bwp';
const NAME_LENGTH = 15;

/** The part of an attachment that the name of its `bandwidth` device follows from. */
export interface Attachment {
  network: string;
  containerID: string;
}

/** An attachment that may be the container's second one to its network. */
export interface InterfaceAttachment extends Attachment {
  ifName: string;
}

/**
 * Returns the name of the device for a further interface of the container in the same network. Upstream has one device
 * for a container, and its ADD fails.
 */
export function furtherIfbName({ network, containerID, ifName }: InterfaceAttachment): string {
  return (PREFIX + sha512(`${network}${containerID}/${ifName}`)).slice(0, NAME_LENGTH);
}

/** Returns the device's name. It equals upstream's, so each plugin deletes the devices of the other. */
export function ifbName({ network, containerID }: Attachment): string {
  return (PREFIX + sha512(network + containerID)).slice(0, NAME_LENGTH);
}
