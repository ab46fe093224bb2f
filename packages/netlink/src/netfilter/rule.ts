/** Rules of nftables. */
import { checkSpec } from '#check-spec';
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { FieldWriter } from '../codec/field-writer.ts';
import { attributesAfter } from '../codec/message.ts';
import type { Request } from '../codec/request.ts';
import { type Decoded, keepUnknown, readField, type Table } from '../codec/table.ts';
import { COMMENT_TEXT, nfBody } from './attributes.ts';
import { readComment } from './comment.ts';
import { type Expression, readExpressions } from './expression.ts';
import { expressionAttributes } from './expression-encode.ts';
import { NFGENMSG_SIZE, type NfFamily, nfFamilyWord } from './nf-message.ts';
import { NFT_MSG_DELRULE, NFT_MSG_GETRULE, NFT_MSG_NEWRULE } from './objects.ts';

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_POSITION = 6;
export const NFTA_RULE_USERDATA = 7;

const ruleTable = {
  table: [NFTA_RULE_TABLE, 'string', 'NFTA_RULE_TABLE'],
  chain: [NFTA_RULE_CHAIN, 'string', 'NFTA_RULE_CHAIN'],
  /** The kernel's number for the rule. */
  handle: [NFTA_RULE_HANDLE, 'be64', 'NFTA_RULE_HANDLE'],
  /** Handle of the rule to insert before or append after. */
  position: [NFTA_RULE_POSITION, 'be64', 'NFTA_RULE_POSITION'],
} as const satisfies Table;

/** A rule to create. */
export interface RuleSpec {
  family: NfFamily;
  table: string;
  chain: string;
  expressions: readonly Expression[];
  /** At most 128 bytes. */
  comment?: string | undefined;
  /** The rule to replace, with `replace`. */
  handle?: number | bigint;
  position?: number | bigint;
  /**
   * `append`: at the end, or after `position`; `insert`: at the start, or before `position`.
   *
   * @default 'append'
   */
  mode?: 'append' | 'insert' | 'replace';
}

const modes = { append: NLM_F_CREATE | NLM_F_APPEND, insert: NLM_F_CREATE, replace: NLM_F_REPLACE };

/** NFT_MSG_NEWRULE, `nft add rule`, `insert rule` or `replace rule`. */
export function newRule(spec: RuleSpec, order: ByteOrder = 'little'): Request {
  checkSpec('nftables rule', spec);
  const { family, table, chain, handle, position, expressions, comment, mode = 'append' } = spec;
  if (!Array.isArray(expressions)) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'expressions is not an array');
  }
  const payload = nfBody(
    family,
    [
      NFTA_RULE_TABLE,
      table,
      NFTA_RULE_CHAIN,
      chain,
      NFTA_RULE_HANDLE,
      handle === undefined ? null : numberBytes(handle),
      NFTA_RULE_POSITION,
      position === undefined ? null : numberBytes(position),
      NFTA_RULE_EXPRESSIONS,
      expressionAttributes(expressions, order),
      NFTA_RULE_USERDATA | COMMENT_TEXT,
      comment ?? null,
    ],
    order,
  );
  const describe = `new rule in ${family} ${table} ${chain}`;
  return { type: NFT_MSG_NEWRULE, flags: modes[mode], payload, describe };
}

/** Returns eight bytes in network byte order. */
const numberBytes = (value: number | bigint): Uint8Array => new FieldWriter('big', 8).putU64(value).finish();

/** NFT_MSG_DELRULE, `nft delete rule`; without a handle it deletes all rules of the chain, `nft flush chain`. */
export function delRule(
  ref: { family: NfFamily; table: string; chain?: string; handle?: number | bigint },
  order: ByteOrder = 'little',
): Request {
  checkSpec('rule to delete', ref);
  const { family, table, chain = '', handle } = ref;
  const payload = nfBody(
    family,
    [
      NFTA_RULE_TABLE,
      table,
      NFTA_RULE_CHAIN,
      ref.chain ?? null,
      NFTA_RULE_HANDLE,
      handle === undefined ? null : numberBytes(handle),
    ],
    order,
  );
  const describe = `delete rule ${handle ?? '(all)'} of ${family} ${table} ${chain}`;
  return { type: NFT_MSG_DELRULE, flags: 0, payload, describe };
}

/** NFT_MSG_GETRULE, a dump: of a chain, a table or all. */
export function getRules(
  filter: { family?: NfFamily; table?: string; chain?: string },
  order: ByteOrder = 'little',
): Request {
  checkSpec('filter of nftables', filter);
  const { family = 'unspec', table = null, chain = null } = filter;
  const payload = nfBody(family, [NFTA_RULE_TABLE, table, NFTA_RULE_CHAIN, chain], order);
  return { type: NFT_MSG_GETRULE, flags: NLM_F_DUMP, payload, describe: 'dump nftables rules' };
}

export interface NftRule extends Decoded<typeof ruleTable> {
  family: NfFamily;
  expressions: Expression[];
  comment?: string;
}

/**
 * Decodes the body of an NFT_MSG_NEWRULE.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeRule(payload: Payload): NftRule {
  const rule: NftRule = { family: nfFamilyWord(payload.bytes[payload.start]), expressions: [] };
  const into = rule as unknown as Record<string, unknown>;
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type === NFTA_RULE_EXPRESSIONS) {
      rule.expressions = readExpressions(reader.attributes('NFTA_RULE_EXPRESSIONS'));
    } else if (reader.type === NFTA_RULE_USERDATA) {
      const comment = readComment(reader.bytes, reader.start, reader.end);
      if (comment === undefined) {
        keepUnknown(rule, reader);
      } else {
        rule.comment = comment;
      }
    } else if (!readField(reader, ruleTable, into)) {
      keepUnknown(rule, reader);
    }
  }
  return rule;
}
