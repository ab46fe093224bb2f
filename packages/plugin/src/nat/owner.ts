/** Whom an object of nftables belongs to: said in its comment, for DEL, GC and people. */
import { digest } from '../links/names.ts';

/** One attachment of a container to a network. */
export interface Owner {
  network: string;
  containerID: string;
  ifName: string;
}

/** A comment holds 127 bytes; an interface name may have characters of several. */
const LONGEST = 100;
const DIGITS = 12;

/** `network/containerID/ifName`, or digests of them for names that are too long; neither name has a slash. */
export function ownerText({ network, containerID, ifName }: Owner): string {
  const text = `${network}/${containerID}/${ifName}`;
  return text.length <= LONGEST ? text : `${shortened(network)}${digest(`${containerID}/${ifName}`, DIGITS)}`;
}

/** Whether a comment is that of an attachment to the network. */
export function belongsTo(comment: string, network: string): boolean {
  return comment.startsWith(`${network}/`) || comment.startsWith(shortened(network));
}

/** What a comment says, in words for an error. */
export function ownerWords(comment: string | undefined): string {
  const [network, containerID, ifName] = comment?.split('/') ?? [];
  if (ifName === undefined) {
    return comment === undefined ? 'somebody else' : `an attachment noted as ${comment}`;
  }
  return `container ${containerID} (${ifName}) of network ${network}`;
}

function shortened(network: string): string {
  return `#${digest(network, DIGITS)}/`;
}
