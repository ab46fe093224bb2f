/** The requests that create and change links of all supported kinds. */
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import type { Request } from '../codec/request.ts';
import { type LinkSpec, type LinkUpdate, newLinkOf, setLinkOf } from './link.ts';
import { decodeLinkOf } from './link-decode.ts';
import { flatten } from './link-given-back.ts';
import { linkKinds } from './link-kinds/index.ts';
import type { Link } from './link-types.ts';

/**
 * RTM_NEWLINK, `ip link add`. Takes a decoded link, too. The kernel answers EEXIST when the name is taken and EOPNOTSUPP when it lacks the kind.
 *
 * @throws {NetlinkEncodeError} when a value is invalid or the kind is unknown
 */
export function newLink(spec: LinkSpec, order: ByteOrder = 'little'): Request {
  return newLinkOf(linkKinds, flatten(spec), order);
}

/**
 * RTM_NEWLINK without create, `ip link set`. The kernel answers ENODEV when the link does not exist.
 *
 * @throws {NetlinkEncodeError} when a value is invalid or the kind is unknown
 */
export function setLink(update: LinkUpdate, order: ByteOrder = 'little'): Request {
  return setLinkOf(linkKinds, update, order);
}

/**
 * Decodes the body of an RTM_NEWLINK or RTM_DELLINK.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeLink(payload: Payload): Link {
  return decodeLinkOf(linkKinds, payload);
}
