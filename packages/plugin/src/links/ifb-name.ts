import { sha512 } from '@cnikit/sys';

const PREFIX = 'bwp';
const NAME_LENGTH = 15;

/** What tells the device of `bandwidth` of an attachment: the interface is no part of it. */
export interface Attachment {
  network: string;
  containerID: string;
}

/** The device's name, the reference's, so that each side deletes what the other made. */
export function ifbName({ network, containerID }: Attachment): string {
  return (PREFIX + sha512(network + containerID)).slice(0, NAME_LENGTH);
}
