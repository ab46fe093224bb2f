import { sha512 } from '@cnikit/sys/internal';

const PREFIX = 'bwp';
const NAME_LENGTH = 15;

/** The part of an attachment that the name of its `bandwidth` device follows from. */
export interface Attachment {
  network: string;
  containerID: string;
}

/** Returns the device's name. It equals upstream's, so each plugin deletes the devices of the other. */
export function ifbName({ network, containerID }: Attachment): string {
  return (PREFIX + sha512(network + containerID)).slice(0, NAME_LENGTH);
}
