/** Policy routing rules: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE. */

import type { Family } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readU16, readU32 } from '../codec/bytes.ts';
import type { Encoder } from '../codec/encoder.ts';
import { attributesAfter } from '../codec/message.ts';
import { nameOf, numberOf } from '../codec/names.ts';
import type { AttributeReader, UnknownAttribute } from '../codec/reader.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import {
  type Decoded,
  keepUnknown,
  readField,
  refuseUnknown,
  type Table,
  type Values,
  writeFields,
} from '../codec/table.ts';
import * as k from './constants.ts';
import { addressEnd, familyFilter, familyNumber, familyOfSize, familyWord, lengthOf } from './family.ts';
import { protocols, type RoutingTable, type RuleAction, ruleActions, tables } from './names.ts';

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_TABLE = 15;
const FRA_UID_RANGE = 20;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
const FIB_RULE_HDR_SIZE = 12;
/** The kernel's value for a rule without suppression. */
const NO_SUPPRESSION = 0xffffffff;

const ruleTable = {
  iif: [3, 'string', 'FRA_IIFNAME'],
  /** FR_ACT_GOTO: priority of the target rule. */
  goto: [4, 'u32', 'FRA_GOTO'],
  /** The lowest runs first; the kernel chooses when absent. */
  priority: [6, 'u32', 'FRA_PRIORITY'],
  fwmark: [10, 'u32', 'FRA_FWMARK'],
  flow: [11, 'u32', 'FRA_FLOW'],
  tunId: [12, 'be64', 'FRA_TUN_ID'],
  suppressGroup: [13, 'u32', 'FRA_SUPPRESS_IFGROUP'],
  /** Ignore routes of the table whose prefix has this length or less. */
  suppressPrefixLength: [14, 'u32', 'FRA_SUPPRESS_PREFIXLEN'],
  fwmask: [16, 'u32', 'FRA_FWMASK'],
  oif: [17, 'string', 'FRA_OIFNAME'],
  l3mdev: [19, 'bool', 'FRA_L3MDEV'],
  /** Origin of the rule. */
  protocol: [21, 'u8', 'FRA_PROTOCOL', protocols],
  /** IPPROTO_*. */
  ipProtocol: [22, 'u8', 'FRA_IP_PROTO'],
  dscp: [25, 'u8', 'FRA_DSCP'],
  flowLabel: [26, 'be32', 'FRA_FLOWLABEL'],
  flowLabelMask: [27, 'be32', 'FRA_FLOWLABEL_MASK'],
  sourcePortMask: [28, 'u16', 'FRA_SPORT_MASK'],
  destinationPortMask: [29, 'u16', 'FRA_DPORT_MASK'],
  dscpMask: [30, 'u8', 'FRA_DSCP_MASK'],
} as const satisfies Table;

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  first: number;
  last: number;
}

interface RuleCommon extends Values<typeof ruleTable> {
  /** Source prefix. */
  from?: string;
  /** Destination prefix. */
  to?: string;
  sourcePorts?: PortRange;
  destinationPorts?: PortRange;
  /** Users of the sockets of the host's own packets, both included. */
  uidRange?: { first: number; last: number };
  /** Apply the rule to packets that do not match. */
  invert?: boolean;
}

/** A policy routing rule to create. */
export interface RoutingRuleSpec extends RuleCommon {
  /** Needed without `from` and `to`. */
  family?: Family;
  /** Table to look up. */
  table?: RoutingTable;
  /** @default 'lookup' */
  action?: RuleAction;
  tos?: number;
  /** Attributes of a decoded rule without a field: a request with any is refused. */
  unknown?: readonly UnknownAttribute[];
}

/** RTM_NEWRULE, `ip rule add`. */
export function newRoutingRule(spec: RoutingRuleSpec, order: ByteOrder = 'little'): Request {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return {
    type: k.RTM_NEWRULE,
    flags,
    payload: encodeRule(spec, k.FR_ACT_TO_TBL, order),
    describe: `new rule ${ruleText(spec)}`,
  };
}

/** RTM_DELRULE, `ip rule del`: deletes the first rule that matches all given properties. ENOENT when none does. */
export function delRoutingRule(spec: RoutingRuleSpec, order: ByteOrder = 'little'): Request {
  const payload = encodeRule(spec, 0, order);
  return { type: k.RTM_DELRULE, flags: 0, payload, describe: `delete rule ${ruleText(spec)}` };
}

const ruleText = ({ priority, from = 'all', to, table }: RoutingRuleSpec): string =>
  `${priority ?? '?'}: from ${from}${to === undefined ? '' : ` to ${to}`} table ${table ?? 0}`;

function encodeRule(spec: RoutingRuleSpec, action: number, order: ByteOrder): Uint8Array {
  checkSpec('rule', spec, ruleTable);
  refuseUnknown(`Rule ${ruleText(spec)}`, spec.unknown);
  const { from, to, invert } = spec;
  const table = numberOf(tables, spec.table ?? 0, 'table');
  const encoder = requestEncoder(order);
  encoder.putU8(spec.family === undefined ? k.AF_INET : familyNumber(spec.family)).putZeros(2);
  encoder
    .putU8(spec.tos ?? 0, 'tos')
    .putU8(table < 256 ? table : k.RT_TABLE_UNSPEC)
    .putZeros(2);
  encoder
    .putU8(numberOf(ruleActions, spec.action ?? action, 'action'), 'action')
    .putU32(invert === true ? k.FIB_RULE_INVERT : 0);
  if (from !== undefined) {
    writePrefix(encoder, FRA_SRC, 2, from, 'Source');
  }
  if (to !== undefined) {
    writePrefix(encoder, FRA_DST, 1, to, 'Destination');
  }
  writeFields(encoder, ruleTable, spec);
  if (table > 255) {
    encoder.u32(FRA_TABLE, table, 'table');
  }
  writePorts(encoder, FRA_SPORT_RANGE, spec.sourcePorts);
  writePorts(encoder, FRA_DPORT_RANGE, spec.destinationPorts);
  if (spec.uidRange !== undefined) {
    const token = encoder.nest(FRA_UID_RANGE);
    encoder.putU32(spec.uidRange.first, 'first UID').putU32(spec.uidRange.last, 'last UID').end(token);
  }
  return encoder.finish();
}

function writePrefix(encoder: Encoder, type: number, lengthAt: number, prefix: string, what: string): void {
  const end = addressEnd(prefix, what);
  const size = encoder.addressText(type, prefix, 0, end, what);
  encoder.patchU8(0, familyOfSize(size)).patchU8(lengthAt, lengthOf(prefix, end, size, what));
}

function writePorts(encoder: Encoder, type: number, range: PortRange | undefined): void {
  if (range === undefined) {
    return;
  }
  checkSpec('ports', range);
  const token = encoder.nest(type);
  encoder.putU16(range.first, 'first port').putU16(range.last, 'last port').end(token);
}

/** RTM_GETRULE, `ip rule show`. */
export function getRoutingRules(filter: { family?: Family } = {}, order: ByteOrder = 'little'): Request {
  checkSpec('filter of rules', filter);
  const encoder = requestEncoder(order);
  encoder.putU8(familyFilter(filter.family)).putZeros(FIB_RULE_HDR_SIZE - 1);
  return { type: k.RTM_GETRULE, flags: NLM_F_DUMP, payload: encoder.finish(), describe: 'dump rules' };
}

/** A rule as the kernel describes it. */
export interface RoutingRule extends RuleCommon, Decoded<typeof ruleTable> {
  family: Family;
  table: RoutingTable;
  action: RuleAction;
  tos: number;
  /** FIB_RULE_*. */
  flags: number;
  priority: number;
}

/**
 * Decodes the body of an RTM_NEWRULE or RTM_DELRULE.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeRoutingRule(payload: Payload): RoutingRule {
  const reader = attributesAfter(payload, FIB_RULE_HDR_SIZE, 'fib_rule_hdr');
  const { bytes, start, order } = payload;
  const rule: RoutingRule = {
    family: familyWord(bytes[start]!, payload, 'fib_rule family'),
    table: nameOf(tables, bytes[start + 4]!),
    action: nameOf(ruleActions, bytes[start + 7]!),
    tos: bytes[start + 3]!,
    flags: readU32(bytes, start + 8, order === 'little'),
    priority: 0,
  };
  if ((rule.flags & k.FIB_RULE_INVERT) !== 0) {
    rule.invert = true;
  }
  const into = rule as unknown as Record<string, unknown>;
  while (reader.next()) {
    switch (reader.type) {
      case FRA_DST:
        rule.to = `${reader.address('FRA_DST')}/${bytes[start + 1]!}`;
        break;
      case FRA_SRC:
        rule.from = `${reader.address('FRA_SRC')}/${bytes[start + 2]!}`;
        break;
      case FRA_TABLE:
        rule.table = nameOf(tables, reader.u32('FRA_TABLE'));
        break;
      case FRA_UID_RANGE: {
        reader.size(8, 'FRA_UID_RANGE');
        const little = order === 'little';
        const first = readU32(bytes, reader.start, little);
        rule.uidRange = { first, last: readU32(bytes, reader.start + 4, little) };
        break;
      }
      case FRA_SPORT_RANGE:
        rule.sourcePorts = readPorts(reader, 'FRA_SPORT_RANGE');
        break;
      case FRA_DPORT_RANGE:
        rule.destinationPorts = readPorts(reader, 'FRA_DPORT_RANGE');
        break;
      default:
        if (!readField(reader, ruleTable, into)) {
          keepUnknown(rule, reader);
        }
    }
  }
  if (rule.suppressPrefixLength === NO_SUPPRESSION) {
    delete rule.suppressPrefixLength;
  }
  return rule;
}

function readPorts(reader: AttributeReader, name: string): PortRange {
  reader.size(4, name);
  const little = reader.order === 'little';
  return {
    first: readU16(reader.bytes, reader.start, little),
    last: readU16(reader.bytes, reader.start + 2, little),
  };
}
