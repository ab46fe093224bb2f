/** The owner of an nftables object, recorded in its comment for DEL, GC and administrators. */
import { digest } from '#digest';

/** One attachment of a container to a network. */
export interface Owner {
  network: string;
  containerID: string;
  ifName: string;
}

/** In characters. A comment holds 127 bytes, and an interface name may contain multibyte characters. */
const MAX_LENGTH = 100;
const DIGITS = 12;

/** Returns `network/containerID/ifName`, or digests when that is too long. Neither name contains a slash. */
export function ownerText({ network, containerID, ifName }: Owner): string {
  const text = `${network}/${containerID}/${ifName}`;
  return text.length <= MAX_LENGTH
    ? text
    : `${shortened(network)}${digest(`${containerID}/${ifName}`, DIGITS)}`;
}

/** Returns the owner that a comment names; undefined when it has digests, or is from another program. */
export function parseOwner(comment: string | undefined): Owner | undefined {
  const [network, containerID, ifName, ...rest] = comment?.split('/') ?? [];
  if (!network || !containerID || !ifName || rest.length > 0) {
    return undefined;
  }
  return { network, containerID, ifName };
}

/** Returns true when a comment belongs to an attachment of the network. */
export function belongsTo(comment: string, network: string): boolean {
  return comment.startsWith(`${network}/`) || comment.startsWith(shortened(network));
}

/** Returns true when a comment belongs to another attachment of the same container. */
export function isOtherOfContainer(comment: string | undefined, owner: Owner): boolean {
  const [, containerID, ifName] = comment?.split('/') ?? [];
  return ifName !== undefined && containerID === owner.containerID && comment !== ownerText(owner);
}

/** Describes the owner in a comment, for an error message. */
export function describeOwner(comment: string | undefined): string {
  const [network, containerID, ifName] = comment?.split('/') ?? [];
  if (ifName === undefined) {
    return comment === undefined ? 'another program' : `attachment ${comment}`;
  }
  return `container ${containerID} (${ifName}) of network ${network}`;
}

function shortened(network: string): string {
  return `#${digest(network, DIGITS)}/`;
}
