/** Expressions and flow tables that many kernels lack, as nft sends them. */
import { expect, test } from 'vitest';
import * as expr from '../src/netfilter/expr.ts';
import { decodeOther } from '../src/netfilter/expression-other.ts';
import { decodeFlowtable, NFT_MSG_NEWFLOWTABLE, newFlowtable } from '../src/netfilter/flowtable.ts';
import { NFT_MSG_NEWRULE } from '../src/netfilter/objects.ts';
import { decodeRule, newRule } from '../src/netfilter/rule.ts';
import { decodeAll, golden, toHex } from './golden.ts';

const rules = (name: string) => decodeAll([golden(name).request], NFT_MSG_NEWRULE, decodeRule);
const inChain = { family: 'ip', table: 't', chain: 'c' } as const;

test('queue(), connectionCount() and flowOffload() make the rules that nft sends', () => {
  const made = [
    expr.queue(3, { last: 5, bypass: true, fanout: true }),
    expr.connectionCount(20, { over: true }),
    expr.flowOffload('f'),
  ].map((expressions) => toHex(newRule({ ...inChain, expressions }).payload));
  const sent = [...rules('nft-queue'), ...rules('nft-flowtable')].map(({ expressions }) =>
    toHex(newRule({ ...inChain, expressions }).payload),
  );
  expect(made).toEqual(sent);
});

test('decodeOther() returns the fields of a queue', () => {
  const [{ expressions }] = rules('nft-queue') as [ReturnType<typeof decodeRule>];
  expect(expressions.map((one) => decodeOther(one))).toEqual([
    { kind: 'queue', number: 3, total: 3, flags: 3 },
  ]);
});

test('newFlowtable() makes the request of nft, and decodeFlowtable() reads it', () => {
  const [sent] = decodeAll([golden('nft-flowtable').request], NFT_MSG_NEWFLOWTABLE, (message) => ({
    flowtable: decodeFlowtable(message),
    hex: toHex(message.bytes.slice(message.start, message.end)),
  }));
  const flowtable = { family: 'ip', table: 't', name: 'f', priority: 5, devices: ['a1', 'a0'] } as const;
  expect(sent!.flowtable).toEqual({ ...flowtable, flags: 0 });
  expect(toHex(newFlowtable({ ...flowtable, flags: 0 }).payload)).toBe(sent!.hex);
});

test.each([
  ['queue()', () => expr.queue(5, { last: 4 })],
  ['queue()', () => expr.queue(0, { last: 65_536 })],
  ['setConnectionLabel()', () => expr.setConnectionLabel(128)],
  ['hasConnectionLabel()', () => expr.hasConnectionLabel(-1)],
])('%s refuses a value out of range (%#)', (_, build) => {
  expect(build).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
});

test('setConnectionLabel() writes unsigned longs in host byte order', () => {
  const data = (order: 'little' | 'big') => expr.setConnectionLabel(9, order)[0];
  expect(data('little')).toMatchObject({ data: Uint8Array.of(0, 2, ...new Uint8Array(14)) });
  expect(data('big')).toMatchObject({
    data: Uint8Array.of(...new Uint8Array(6), 2, 0, ...new Uint8Array(8)),
  });
});
