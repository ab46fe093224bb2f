/** Tables and chains of nftables (linux/netfilter/nf_tables.h). */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_NONREC } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import { type Named, numberOf } from '../codec/names.ts';
import type { AttributeReader } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import { type Decoded, keepUnknown, readField, readFields, type Table, writeFields } from '../codec/table.ts';
import { nfBody, putAttributes } from './attributes.ts';
import { commentData, readComment } from './comment.ts';
import { checkName } from './names.ts';
import { NFGENMSG_SIZE, NFNL_SUBSYS_NFTABLES, type NfFamily, nfFamilyWord, nfHeader } from './nf-message.ts';

const message = (number: number): number => (NFNL_SUBSYS_NFTABLES << 8) | number;
export const NFT_MSG_NEWTABLE = message(0);
export const NFT_MSG_GETTABLE = message(1);
export const NFT_MSG_DELTABLE = message(2);
export const NFT_MSG_NEWCHAIN = message(3);
export const NFT_MSG_GETCHAIN = message(4);
export const NFT_MSG_DELCHAIN = message(5);
export const NFT_MSG_NEWRULE = message(6);
export const NFT_MSG_GETRULE = message(7);
export const NFT_MSG_DELRULE = message(8);
export const NFT_MSG_NEWSET = message(9);
export const NFT_MSG_GETSET = message(10);
export const NFT_MSG_DELSET = message(11);
export const NFT_MSG_NEWSETELEM = message(12);
export const NFT_MSG_GETSETELEM = message(13);
export const NFT_MSG_DELSETELEM = message(14);
/** Deletions of objects that may not exist, since Linux 6.3. */
const NFT_MSG_DESTROYTABLE = message(26);
const NFT_MSG_DESTROYCHAIN = message(27);
export const NFT_MSG_DESTROYSET = message(29);
export const NFT_MSG_DESTROYSETELEM = message(30);

/** Verdicts of rules and policies. */
export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NFT_CONTINUE = -1;
export const NFT_BREAK = -2;
export const NFT_JUMP = -3;
export const NFT_GOTO = -4;
export const NFT_RETURN = -5;

export const NFTA_TABLE_NAME = 1;
export const NFTA_TABLE_USE = 3;
const tableTable = {
  name: [NFTA_TABLE_NAME, 'string', 'NFTA_TABLE_NAME'],
  /** 1 dormant, 2 owned by the socket that created it. */
  flags: [2, 'be32', 'NFTA_TABLE_FLAGS'],
  /** Read only: number of chains and sets. */
  use: [NFTA_TABLE_USE, 'be32', 'NFTA_TABLE_USE'],
  handle: [4, 'be64', 'NFTA_TABLE_HANDLE'],
  userdata: [6, 'raw', 'NFTA_TABLE_USERDATA'],
} as const satisfies Table;

/** Names a table. */
export interface TableRef {
  family: NfFamily;
  name: string;
}

/** `exclusive`: EEXIST when the object exists, `nft create` instead of `nft add`. */
interface Exclusive {
  exclusive?: boolean;
}
const creating = ({ exclusive = false }: Exclusive): number => NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0);

/**
 * NFT_MSG_NEWTABLE, `nft add table`. A table that exists keeps its comment; with `exclusive` it is EEXIST.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST when `nft -f` cannot read the name
 */
export function newTable(
  spec: TableRef & Exclusive & { flags?: number; comment?: string },
  order: ByteOrder = 'little',
): Request {
  checkSpec('table', spec);
  const { name, flags, comment } = spec;
  checkName('table', name);
  const encoder = nfHeader(spec.family, order);
  writeFields(encoder, tableTable, {
    name,
    flags,
    userdata: comment === undefined ? undefined : commentData(comment),
  });
  return request(NFT_MSG_NEWTABLE, creating(spec), encoder, `new table ${spec.family} ${spec.name}`);
}

/**
 * NFT_MSG_DELTABLE, `nft delete table`, with everything in it. With `ifEmpty` a table that has a chain or set is EBUSY.
 * ENOENT when it does not exist, unless `ifExists` (`nft destroy table`, Linux 6.3).
 */
export function delTable(
  ref: TableRef & { ifEmpty?: boolean; ifExists?: boolean },
  order: ByteOrder = 'little',
): Request {
  const payload = nfBody(ref.family, [NFTA_TABLE_NAME, ref.name], order);
  const flags = ref.ifEmpty ? NLM_F_NONREC : 0;
  const type = ref.ifExists ? NFT_MSG_DESTROYTABLE : NFT_MSG_DELTABLE;
  return { type, flags, payload, describe: `delete table ${ref.family} ${ref.name}` };
}

/** NFT_MSG_GETTABLE of one table. ENOENT when it does not exist. */
export function getTable(ref: TableRef, order: ByteOrder = 'little'): Request {
  const payload = nfBody(ref.family, [NFTA_TABLE_NAME, ref.name], order);
  return { type: NFT_MSG_GETTABLE, flags: 0, payload, describe: `get table ${ref.family} ${ref.name}` };
}

export interface NftTable extends Decoded<typeof tableTable> {
  family: NfFamily;
  comment?: string;
}

/**
 * Decodes the body of an NFT_MSG_NEWTABLE.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeTable(payload: Payload): NftTable {
  const fields = readFields(attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg'), tableTable);
  const comment = fields.userdata && readComment(fields.userdata, 0, fields.userdata.length);
  return {
    family: nfFamilyWord(payload.bytes[payload.start]),
    ...fields,
    comment,
  };
}

const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4, ingress: 5 } as const;
/** NF_NETDEV_*: family `netdev` has its own hook numbers. */
const netdevHooks: Record<string, number> = { ingress: 0, egress: 1 };

/** The hook of a base chain. */
export interface ChainHook {
  type: 'filter' | 'nat' | 'route';
  hook: keyof typeof hooks | 'egress';
  /** The lowest runs first: -100 dstnat, 0 filter, 100 srcnat. */
  priority: number;
  /** Link of a chain of family `netdev`, or of `ingress`. */
  device?: string;
  /** Links of such a chain, instead of `device`. */
  devices?: readonly string[];
}

const NFTA_HOOK_DEVS = 4;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
export const NFTA_CHAIN_USE = 6;
const NFTA_CHAIN_TYPE = 7;
const chainTable = {
  table: [NFTA_CHAIN_TABLE, 'string', 'NFTA_CHAIN_TABLE'],
  handle: [2, 'be64', 'NFTA_CHAIN_HANDLE'],
  name: [NFTA_CHAIN_NAME, 'string', 'NFTA_CHAIN_NAME'],
  /** Policy of a base chain: NF_ACCEPT or NF_DROP. */
  policy: [5, 'be32', 'NFTA_CHAIN_POLICY'],
  /** Read only: number of its rules, and of the rules and elements that jump to it. */
  use: [NFTA_CHAIN_USE, 'be32', 'NFTA_CHAIN_USE'],
  flags: [10, 'be32', 'NFTA_CHAIN_FLAGS'],
} as const satisfies Table;

/** Names a chain. */
export interface ChainRef {
  family: NfFamily;
  table: string;
  name: string;
}

const chainAttributes = ({ table, name }: ChainRef) =>
  [NFTA_CHAIN_TABLE, table, NFTA_CHAIN_NAME, name] as const;

/** Verdicts that a chain may have as its policy. */
const policies = { 0: 'drop', 1: 'accept' } as const;

/** A chain to create: a base chain with `hook`, else a regular one. */
export interface ChainSpec extends ChainRef, Exclusive {
  hook?: ChainHook;
  /** Verdict for packets that reach the end of a base chain: its name, NF_ACCEPT or NF_DROP. */
  policy?: Named<typeof policies>;
}

/**
 * NFT_MSG_NEWCHAIN, `nft add chain`. No error when it exists with the same hook, unless `exclusive`.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST when `nft -f` cannot read the name
 */
export function newChain(spec: ChainSpec, order: ByteOrder = 'little'): Request {
  checkSpec('chain', spec);
  const { family, table, name, hook, policy } = spec;
  checkName('chain', name);
  const describe = `new chain ${family} ${table} ${name}`;
  const flags = creating(spec);
  if (hook === undefined) {
    const payload = nfBody(family, chainAttributes(spec), order);
    return { type: NFT_MSG_NEWCHAIN, flags, payload, describe };
  }
  checkSpec('hook', hook);
  const encoder = putAttributes(nfHeader(family, order), chainAttributes(spec));
  const token = encoder.nest(NFTA_CHAIN_HOOK | NLA_F_NESTED);
  encoder.be32(1, hookNumber(hook.hook, family)).be32(2, hook.priority >>> 0);
  if (hook.device !== undefined) {
    encoder.string(3, hook.device, 16);
  }
  if (hook.devices !== undefined) {
    const list = encoder.nest(NFTA_HOOK_DEVS | NLA_F_NESTED);
    for (const device of hook.devices) {
      encoder.string(1, device, 16);
    }
    encoder.end(list);
  }
  encoder.end(token);
  if (policy !== undefined) {
    encoder.be32(chainTable.policy[0], numberOf(policies, policy, 'policy'));
  }
  encoder.string(NFTA_CHAIN_TYPE, hook.type);
  return request(NFT_MSG_NEWCHAIN, flags, encoder, describe);
}

function hookNumber(hook: string, family: NfFamily): number {
  const known: Record<string, number> = family === 'netdev' ? netdevHooks : hooks;
  const number = Object.hasOwn(known, hook) ? known[hook] : undefined;
  if (number === undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', `Family ${family} has no hook ${hook}`);
  }
  return number;
}

/**
 * NFT_MSG_DELCHAIN, `nft delete chain`, with its rules. With `ifEmpty` a chain that has rules is EBUSY. EBUSY while a
 * rule jumps to it. ENOENT when it does not exist, unless `ifExists` (`nft destroy chain`, Linux 6.3).
 */
export function delChain(
  ref: ChainRef & { ifEmpty?: boolean; ifExists?: boolean },
  order: ByteOrder = 'little',
): Request {
  return {
    type: ref.ifExists ? NFT_MSG_DESTROYCHAIN : NFT_MSG_DELCHAIN,
    flags: ref.ifEmpty ? NLM_F_NONREC : 0,
    payload: nfBody(ref.family, chainAttributes(ref), order),
    describe: `delete chain ${ref.family} ${ref.table} ${ref.name}`,
  };
}

/** NFT_MSG_GETCHAIN of one chain. ENOENT when the chain or the table does not exist. */
export function getChain(ref: ChainRef, order: ByteOrder = 'little'): Request {
  return {
    type: NFT_MSG_GETCHAIN,
    flags: 0,
    payload: nfBody(ref.family, chainAttributes(ref), order),
    describe: `get chain ${ref.family} ${ref.table} ${ref.name}`,
  };
}

export interface NftChain extends Decoded<typeof chainTable> {
  family: NfFamily;
  /** `device` is the only link of a chain of family `netdev`, or of `ingress`. */
  hook?: { type: string; hook: number; priority: number; device?: string | undefined; devices?: string[] };
}

/**
 * Decodes the body of an NFT_MSG_NEWCHAIN.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeChain(payload: Payload): NftChain {
  const chain: NftChain = { family: nfFamilyWord(payload.bytes[payload.start]) };
  const into = chain as unknown as Record<string, unknown>;
  let type = '';
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type === NFTA_CHAIN_TYPE) {
      type = reader.string();
    } else if (reader.type === NFTA_CHAIN_HOOK) {
      chain.hook = readHook(reader.attributes('NFTA_CHAIN_HOOK'));
    } else if (!readField(reader, chainTable, into)) {
      keepUnknown(chain, reader);
    }
  }
  if (chain.hook !== undefined) {
    chain.hook.type = type;
  }
  return chain;
}

function readHook(reader: AttributeReader): NonNullable<NftChain['hook']> {
  const found: Decoded<typeof hookTable> & { devices?: string[] } = {};
  while (reader.next()) {
    if (reader.type === NFTA_HOOK_DEVS) {
      const list = reader.attributes('NFTA_HOOK_DEVS');
      found.devices = [];
      while (list.next()) {
        found.devices.push(list.string());
      }
    } else {
      readField(reader, hookTable, found);
    }
  }
  const { hook = 0, priority = 0, ...devices } = found;
  return { type: '', hook, priority: priority | 0, ...devices };
}

const hookTable = {
  hook: [1, 'be32', 'NFTA_HOOK_HOOKNUM'],
  priority: [2, 'be32', 'NFTA_HOOK_PRIORITY'],
  device: [3, 'string', 'NFTA_HOOK_DEV'],
} as const satisfies Table;

/** A dump of `type`, of one family or (`unspec`) all. */
export function getAll(type: number, family: NfFamily, what: string, order: ByteOrder): Request {
  return request(type, NLM_F_DUMP, nfHeader(family, order), `dump nftables ${what}`);
}

export function request(type: number, flags: number, encoder: Encoder, describe: string): Request {
  return { type, flags, payload: encoder.finish(), describe };
}
