/** Rules of nftables. */
import { checkSpec } from '#check-spec';
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import type { Encoder } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import type { Request } from '../codec/request.ts';
import { type Decoded, keepUnknown, readField, type Table, writeFields } from '../codec/table.ts';
import { commentData, readComment } from './comment.ts';
import { type Expression, readExpressions } from './expression.ts';
import { writeExpressions } from './expression-encode.ts';
import { NFGENMSG_SIZE, type NfFamily, nfFamilyWord, nfHeader } from './nf-message.ts';
import { NFT_MSG_DELRULE, NFT_MSG_GETRULE, NFT_MSG_NEWRULE, request } from './objects.ts';

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_USERDATA = 7;

const numbersTable = {
  /** The kernel's number for the rule. */
  handle: [NFTA_RULE_HANDLE, 'be64', 'NFTA_RULE_HANDLE'],
  /** Handle of the rule to insert before or append after. */
  position: [6, 'be64', 'NFTA_RULE_POSITION'],
} as const satisfies Table;
const ruleTable = {
  table: [NFTA_RULE_TABLE, 'string', 'NFTA_RULE_TABLE'],
  chain: [NFTA_RULE_CHAIN, 'string', 'NFTA_RULE_CHAIN'],
  ...numbersTable,
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

/** Names the rules of a table or chain. */
interface RulesRef {
  family?: NfFamily;
  table?: string | undefined;
  chain?: string | undefined;
}

function ruleHeader({ family = 'unspec', table, chain }: RulesRef, order: ByteOrder): Encoder {
  const encoder = nfHeader(family, order);
  if (table !== undefined) {
    encoder.string(NFTA_RULE_TABLE, table);
  }
  if (chain !== undefined) {
    encoder.string(NFTA_RULE_CHAIN, chain);
  }
  return encoder;
}

/** NFT_MSG_NEWRULE, `nft add rule`, `insert rule` or `replace rule`. */
export function newRule(spec: RuleSpec, order: ByteOrder = 'little'): Request {
  checkSpec('nftables rule', spec);
  const { family, table, chain, comment } = spec;
  const encoder = ruleHeader(spec, order);
  if (spec.handle !== undefined || spec.position !== undefined) {
    writeFields(encoder, numbersTable, spec);
  }
  if (!Array.isArray(spec.expressions)) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'expressions is not an array');
  }
  writeExpressions(encoder, NFTA_RULE_EXPRESSIONS, spec.expressions);
  if (comment !== undefined) {
    encoder.raw(NFTA_RULE_USERDATA, commentData(comment));
  }
  const describe = `new rule in ${family} ${table} ${chain}`;
  return request(NFT_MSG_NEWRULE, modes[spec.mode ?? 'append'], encoder, describe);
}

/** NFT_MSG_DELRULE, `nft delete rule`; without a handle it deletes all rules of the chain, `nft flush chain`. */
export function delRule(
  ref: { family: NfFamily; table: string; chain?: string; handle?: number | bigint },
  order: ByteOrder = 'little',
): Request {
  checkSpec('rule to delete', ref);
  const encoder = ruleHeader(ref, order);
  if (ref.handle !== undefined) {
    encoder.be64(NFTA_RULE_HANDLE, ref.handle);
  }
  const describe = `delete rule ${ref.handle ?? '(all)'} of ${ref.family} ${ref.table} ${ref.chain ?? ''}`;
  return request(NFT_MSG_DELRULE, 0, encoder, describe);
}

/** NFT_MSG_GETRULE, a dump: of a chain, a table or all. */
export function getRules(
  filter: { family?: NfFamily; table?: string; chain?: string },
  order: ByteOrder = 'little',
): Request {
  checkSpec('filter of nftables', filter);
  return request(NFT_MSG_GETRULE, NLM_F_DUMP, ruleHeader(filter, order), 'dump nftables rules');
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
      const comment = readComment(reader.raw());
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

const COMMENT_ONLY: (true | undefined)[] = [];
COMMENT_ONLY[NFTA_RULE_USERDATA] = true;

/**
 * Decodes only the comment of a rule.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeRuleComment(payload: Payload): string | undefined {
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  return reader.nextOf(COMMENT_ONLY) ? readComment(reader.raw()) : undefined;
}
