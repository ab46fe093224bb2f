/** Requests that create, change, find and delete links. `link-of-kind.ts` has those for links of all kinds. */
import { checkLink, checkSpec } from '#check-spec';
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../codec/ack.ts';
import type { ByteOrder } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { numberOf } from '../codec/names.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { hasFields, writeFields } from '../codec/table.ts';
import { textLength } from '../codec/text.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IFF_ALLMULTI,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_UP,
  RTM_DELLINK,
  RTM_DELLINKPROP,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_NEWLINKPROP,
} from './constants.ts';
import type { LinkSettings } from './link-attributes.ts';
import * as ifla from './link-attributes.ts';
import type { BridgePortAttributes } from './link-kinds/bridge-port.ts';
import type { LinkKind, LinkKindInfo, LinkKinds } from './link-kinds/index.ts';
import type { LinkKindCodecs } from './link-kinds/kind.ts';
import { codecOf, writeKind } from './link-kinds/write-kind.ts';
import { type AddrGenMode, addrGenModes } from './names.ts';

/** Identifies a link, by index when both are given. */
export interface LinkRef {
  index?: number;
  name?: string;
}

interface LinkChange extends LinkSettings {
  up?: boolean;
  promiscuous?: boolean;
  allMulticast?: boolean;
  /** False disables ARP. */
  arp?: boolean;
  /** How the kernel makes IPv6 link-local addresses. Only for `setLink()`: `newLink()` gets EAFNOSUPPORT for it. */
  addrGenMode?: AddrGenMode;
}

/** The kind's own settings, beside `kind`. A decoded link has them in the property with the name of the kind. */
type KindSpec =
  | { kind?: undefined }
  | { [K in LinkKind]: { kind: K } & LinkKinds[K] & { [P in K]?: LinkKindInfo<P> } }[LinkKind];

/** A link to create. Without a name the kernel chooses one: "veth0". */
export type LinkSpec = LinkRef & LinkChange & KindSpec;
/**
 * A link to change, by name or index. Bridge port properties need a link that is already a port: in a batch, set them in
 * a separate request after the one with `master`.
 */
export type LinkUpdate = LinkRef &
  LinkChange &
  BridgePortAttributes &
  KindSpec & { newName?: string; ipv4Conf?: ifla.Ipv4Conf };

/** `newLink()` for the given kinds. */
export function newLinkOf(kinds: LinkKindCodecs, spec: LinkSpec, order: ByteOrder): Request {
  checkLink('link', spec, kinds);
  const encoder = header(spec, flagsOf(spec), order);
  // Some tunnels have an attribute of the kind for it.
  const own = spec.kind !== undefined && Object.hasOwn(codecOf(kinds, spec.kind).table, 'link');
  writeFields(encoder, ifla.linkTable, own ? { ...spec, link: undefined } : spec);
  if (spec.name !== undefined) {
    encoder.string(ifla.IFLA_IFNAME, spec.name, ifla.IFNAMSIZ);
  }
  writeFamilies(encoder, spec.addrGenMode);
  writeKind(encoder, kinds, spec);
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: encoder.finish(),
    describe: `new link ${spec.name ?? '(unnamed)'} (${spec.kind ?? 'no kind'})`,
  };
}

/** `setLink()` for the given kinds. */
export function setLinkOf(kinds: LinkKindCodecs, update: LinkUpdate, order: ByteOrder): Request {
  checkLink('change of a link', update, kinds);
  const { index, name, newName } = update;
  requireRef(update);
  const encoder = header(update, flagsOf(update), order);
  writeFields(encoder, ifla.linkTable, update);
  if (newName !== undefined) {
    if (index === undefined) {
      throw new NetlinkEncodeError('BAD_REQUEST', `Renaming to ${newName} needs the link's index`);
    }
    encoder.string(ifla.IFLA_IFNAME, newName, ifla.IFNAMSIZ);
  } else if (index === undefined && name !== undefined) {
    writeName(encoder, name);
  }
  writeFamilies(encoder, update.addrGenMode, update.ipv4Conf);
  writeKind(encoder, kinds, update, update);
  return { type: RTM_NEWLINK, flags: 0, payload: encoder.finish(), describe: `set link ${refText(update)}` };
}

/** RTM_NEWLINKPROP, `ip link property add`: gives a link alternative names of up to 127 bytes. EEXIST when one is taken. */
export function addAlternativeNames(
  ref: LinkRef,
  names: readonly string[],
  order: ByteOrder = 'little',
): Request {
  const flags = NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;
  return alternativeNames(RTM_NEWLINKPROP, flags, ref, names, order, 'add');
}

/** RTM_DELLINKPROP, `ip link property del`: removes alternative names. ENOENT when the link does not have one. */
export function delAlternativeNames(
  ref: LinkRef,
  names: readonly string[],
  order: ByteOrder = 'little',
): Request {
  return alternativeNames(RTM_DELLINKPROP, 0, ref, names, order, 'delete');
}

function alternativeNames(
  type: number,
  flags: number,
  ref: LinkRef,
  names: readonly string[],
  order: ByteOrder,
  verb: string,
): Request {
  const describe = `${verb} alternative names ${names.join(', ')} of link ${refText(ref)}`;
  const request = reference(type, ref, order, describe);
  const encoder = requestEncoder(order).putBytes(request.payload);
  const list = encoder.nest(ifla.IFLA_PROP_LIST | NLA_F_NESTED);
  for (const name of names) {
    encoder.string(ifla.IFLA_ALT_IFNAME, name, ifla.ALTIFNAMSIZ);
  }
  encoder.end(list);
  return { ...request, flags, payload: encoder.finish() };
}

/** RTM_DELLINK, `ip link del`. The other end of a veth goes with it. */
export function delLink(ref: LinkRef, order: ByteOrder = 'little'): Request {
  return reference(RTM_DELLINK, ref, order, `delete link ${refText(ref)}`);
}

/**
 * RTM_DELLINK of all links of a group, `ip link del group`. It takes as long as deleting one link, because the kernel
 * waits for one RCU grace period. ENODEV when the group is empty; EOPNOTSUPP, deleting nothing, when one link cannot be
 * deleted.
 */
export function delLinkGroup(group: number, order: ByteOrder = 'little'): Request {
  // Group 0 is the default group of every link.
  if (group <= 0) {
    throw new NetlinkEncodeError('BAD_REQUEST', `Link group ${group} is not positive`);
  }
  const payload = header({}, NO_FLAGS, order).u32(ifla.linkTable.group[0], group, 'group').finish();
  return { type: RTM_DELLINK, flags: 0, payload, describe: `delete links of group ${group}` };
}

/** RTM_GETLINK of one link, `ip link show dev`. */
export function getLink(ref: LinkRef, order: ByteOrder = 'little'): Request {
  return reference(RTM_GETLINK, ref, order, `get link ${refText(ref)}`);
}

/** Filter of a dump of links, applied by the kernel. */
export interface LinkFilter {
  kind?: string;
  /** Index of the bridge or VRF whose ports are wanted. */
  master?: number;
}

/** RTM_GETLINK of all links, `ip link show`. */
export function getLinks(filter: LinkFilter = {}, order: ByteOrder = 'little'): Request {
  checkSpec('filter of links', filter);
  const encoder = header({}, NO_FLAGS, order);
  if (filter.master !== undefined) {
    encoder.u32(ifla.linkTable.master[0], filter.master, 'master');
  }
  if (filter.kind !== undefined) {
    const info = encoder.nest(ifla.IFLA_LINKINFO);
    encoder.string(ifla.IFLA_INFO_KIND, filter.kind).end(info);
  }
  return { type: RTM_GETLINK, flags: NLM_F_DUMP, payload: encoder.finish(), describe: 'dump links' };
}

interface FlagChange {
  flags: number;
  mask: number;
}

const NO_FLAGS: FlagChange = { flags: 0, mask: 0 };

function flagsOf({ up, promiscuous, allMulticast, arp }: LinkChange): FlagChange {
  const change = { flags: 0, mask: 0 };
  setFlag(change, IFF_UP, up);
  setFlag(change, IFF_PROMISC, promiscuous);
  setFlag(change, IFF_ALLMULTI, allMulticast);
  setFlag(change, IFF_NOARP, arp === undefined ? undefined : !arp);
  return change;
}

function setFlag(change: FlagChange, flag: number, value: boolean | undefined): void {
  if (value === undefined) {
    return;
  }
  change.mask |= flag;
  if (value) {
    change.flags |= flag;
  }
}

/** struct ifinfomsg. */
function header({ index = 0 }: LinkRef, { flags, mask }: FlagChange, order: ByteOrder): Encoder {
  return requestEncoder(order).putU32(AF_UNSPEC).putI32(index, 'index').putU32(flags).putU32(mask);
}

function reference(type: number, ref: LinkRef, order: ByteOrder, describe: string): Request {
  requireRef(ref);
  const encoder = header(ref, NO_FLAGS, order);
  if (ref.index === undefined) {
    writeName(encoder, ref.name!);
  }
  return { type, flags: 0, payload: encoder.finish(), describe };
}

/** Only an alternative name has more than 15 bytes. Shorter ones are found among both. */
function writeName(encoder: Encoder, name: string): void {
  if (textLength(name) < ifla.IFNAMSIZ) {
    encoder.string(ifla.IFLA_IFNAME, name, ifla.IFNAMSIZ);
  } else {
    encoder.string(ifla.IFLA_ALT_IFNAME, name, ifla.ALTIFNAMSIZ);
  }
}

function requireRef({ index, name }: LinkRef): void {
  // Index 0 and "" would mean "any link" or "all" to the kernel.
  if (index === undefined ? !name : index <= 0) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'Identify a link by name or by a positive index');
  }
}

const refText = ({ index, name }: LinkRef): string => name ?? `#${index}`;

/** Writes the settings of both families into one IFLA_AF_SPEC: of several the kernel reads the last. */
function writeFamilies(encoder: Encoder, addrGenMode: AddrGenMode | undefined, conf?: ifla.Ipv4Conf): void {
  const hasConf = conf !== undefined && hasFields(ifla.ipv4ConfTable, conf);
  if (addrGenMode === undefined && !hasConf) {
    return;
  }
  const spec = encoder.nest(ifla.IFLA_AF_SPEC);
  if (hasConf) {
    checkSpec('ipv4Conf', conf);
    const inet = encoder.nest(AF_INET);
    const settings = encoder.nest(ifla.IFLA_INET_CONF);
    writeFields(encoder, ifla.ipv4ConfTable, conf);
    encoder.end(settings).end(inet);
  }
  if (addrGenMode !== undefined) {
    const inet6 = encoder.nest(AF_INET6);
    const mode = numberOf(addrGenModes, addrGenMode, 'addrGenMode');
    encoder.u8(ifla.IFLA_INET6_ADDR_GEN_MODE, mode, 'addrGenMode').end(inet6);
  }
  encoder.end(spec);
}
