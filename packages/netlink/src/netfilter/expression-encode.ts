/** Encodes the expressions of nftables rules. */
import type { ByteOrder } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import type { UnknownAttribute } from '../codec/reader.ts';
import { requestEncoder } from '../codec/request.ts';
import { refuseUnknown, type Table, writeFields } from '../codec/table.ts';
import { type Attributes, ENCODED, putAttributes } from './attributes.ts';
import {
  dataMembers,
  type Expression,
  NFT_REG_1,
  NFT_REG_2,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
  NONE,
  tables,
  type Verdict,
} from './expression.ts';

const NFTA_LIST_ELEM = 1;
const NFTA_IMMEDIATE_DATA = 2;
/** NFT_CMP_EQ. */
const EQUAL = 0;

/** Encoded expressions of many rules. In an executable they are part of the snapshot. */
const constants = new WeakMap<Expression, Uint8Array>();

/** Encodes an expression in advance. Do not change it afterwards. */
export function constant<E extends Expression>(expression: E): E {
  const encoder = requestEncoder('little');
  writeExpression(encoder, expression);
  constants.set(expression, encoder.finish());
  return expression;
}

/** Returns the value of NFTA_RULE_EXPRESSIONS. */
export function expressionAttributes(expressions: readonly Expression[], order: ByteOrder): Attributes {
  const attributes: (number | Uint8Array)[] = [];
  const isLittle = order === 'little';
  // Calls of push() take a quarter of the work in QuickJS.
  let size = 0;
  for (const expression of expressions) {
    attributes[size++] = ENCODED;
    const bytes = isLittle ? constants.get(expression) : undefined;
    if (bytes !== undefined) {
      attributes[size++] = bytes;
      continue;
    }
    const start = isLittle ? startOf(expression) : undefined;
    if (start !== undefined) {
      attributes[size++] = start;
      attributes[size++] = ENCODED;
      attributes[size++] = (expression as AnyMembers).data!;
      continue;
    }
    const encoder = requestEncoder(order);
    writeExpression(encoder, expression);
    attributes[size++] = encoder.finish();
  }
  return attributes;
}

function writeExpression(encoder: Encoder, expression: Expression): void {
  if (expression?.name === undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'A statement is an array: spread it, [...expr.accept()]');
  }
  const element = encoder.nest(NFTA_LIST_ELEM | NLA_F_NESTED);
  encoder.string(NFTA_EXPR_NAME, expression.name === 'other' ? expression.kind : expression.name);
  const data = encoder.nest(NFTA_EXPR_DATA | NLA_F_NESTED);
  writeMembers(encoder, expression);
  encoder.end(data).end(element);
}

function writeMembers(encoder: Encoder, expression: Expression): void {
  if (expression.name === 'other') {
    encoder.putBytes(expression.bytes);
    return;
  }
  const { name } = expression;
  if (!Object.hasOwn(tables, name)) {
    throw new NetlinkEncodeError('BAD_REQUEST', `Unknown expression ${String(name)}`);
  }
  refuseUnknown(`Expression ${name}`, (expression as { unknown?: UnknownAttribute[] }).unknown);
  writeFields(encoder, tables[name] as Table, expression as never);
  const values = expression as unknown as Record<string, Uint8Array | undefined>;
  for (const [member, type] of dataMembers[name] ?? NONE) {
    const bytes = values[member];
    if (bytes !== undefined) {
      putAttributes(encoder, [type, dataAttributes(bytes)]);
    }
  }
  if (name === 'immediate' && expression.verdict !== undefined) {
    putAttributes(encoder, [NFTA_IMMEDIATE_DATA, verdictAttributes(expression.verdict)]);
  }
}

/** Sizes of ports, marks and addresses, and of prefixes of IPv4. */
const EQUAL_SIZES = [1, 2, 3, 4, 16];

/**
 * Encodes expressions that end with their data, without the data. The result has them by size of the data. Rules
 * have several of them, which differ in their data only.
 */
function starts(expression: Expression, sizes: readonly number[]): readonly (Uint8Array | undefined)[] {
  const bySize: (Uint8Array | undefined)[] = new Array(Math.max(...sizes) + 1).fill(undefined);
  for (const size of sizes) {
    const encoder = requestEncoder('little');
    writeExpression(encoder, { ...expression, data: new Uint8Array(size) } as Expression);
    bySize[size] = encoder.finish().slice(0, -((size + 3) & ~3));
  }
  return bySize;
}

/** Comparisons of the first register that match equal data. */
const equalStarts = starts({ name: 'cmp', sreg: NFT_REG_1, op: EQUAL }, EQUAL_SIZES);
/** Assignments of the data of `dnat`, by register: addresses and a port. */
const immediateStarts: (typeof equalStarts | undefined)[] = [
  undefined,
  starts({ name: 'immediate', dreg: NFT_REG_1 }, [4, 16]),
  starts({ name: 'immediate', dreg: NFT_REG_2 }, [2]),
];

interface AnyMembers {
  name: string;
  data?: Uint8Array;
  sreg?: number;
  dreg?: number;
  op?: number;
  verdict?: unknown;
  unknown?: unknown;
}

/** Returns the start of an expression, without its data, if it is encoded in advance. */
function startOf(expression: Expression): Uint8Array | undefined {
  const { name, data, sreg, dreg, op, verdict, unknown } = (expression ?? {}) as AnyMembers;
  if (data === undefined || verdict !== undefined || unknown !== undefined) {
    return undefined;
  }
  const bySize =
    name === 'cmp' && sreg === NFT_REG_1 && op === EQUAL
      ? equalStarts
      : name === 'immediate'
        ? immediateStarts[dreg ?? -1]
        : undefined;
  return bySize?.[data.length];
}

/** NFTA_DATA with bytes. */
export function dataAttributes(bytes: Uint8Array): Attributes {
  return [NFTA_DATA_VALUE, bytes];
}

/** NFTA_DATA with a verdict. */
export function verdictAttributes({ code, chain }: Verdict): Attributes {
  return [NFTA_DATA_VERDICT, [NFTA_VERDICT_CODE, code >>> 0, NFTA_VERDICT_CHAIN, chain ?? null]];
}
