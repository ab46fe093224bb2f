import { beforeEach, expect, test } from 'vitest';
import { NLM_F_ACK, NLM_F_REQUEST } from './codec/ack.ts';
import { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { datagram, encodeRequests, requestAck } from './outgoing.ts';
import { setLink } from './route/link-of-kind.ts';
import { Template } from './template.ts';

const INDEX = 0x7d3c5a1e;
const rename = ({ index, newName }: { index: number; newName: string }) => setLink({ index, newName });
const RENAMED = new Template(rename, { index: INDEX, newName: 'eth0' });
const of = (size: number): Request => ({ type: 16, flags: 0, payload: new Uint8Array(size), describe: '' });

function encode(requests: readonly Request[], limit = Number.POSITIVE_INFINITY, acked = -1) {
  const next = encodeRequests(requests, 0, requests.length, limit, 0, acked, 7, 4242);
  return { next, messages: decoded() };
}

function decoded() {
  const reader = new MessageReader(datagram().slice());
  const messages: { sequence: number; flags: number; payload: number[] }[] = [];
  while (reader.next()) {
    const { sequence, flags, bytes, start, end } = reader;
    messages.push({ sequence, flags, payload: [...bytes.subarray(start, end)] });
  }
  return messages;
}

beforeEach(() => void encodeRequests([of(2000)], 0, 1, 0, 0, -1, 1, 1));

test('encodeRequests() fills templates in place, and makes the requests whose values do not fit', () => {
  const values = [
    { index: 3, newName: 'net1' },
    { index: 4, newName: 'longer' },
    { index: 5, newName: 'net2' },
  ];
  const { next, messages } = encode(values.map((one) => RENAMED.fill(one)));
  expect(next).toBe(3);
  expect(messages).toEqual(
    values.map((one, i) => ({
      sequence: 7 + i,
      flags: rename(one).flags | NLM_F_REQUEST,
      payload: [...rename(one).payload],
    })),
  );
});

test('encodeRequests() throws the error of the function when values are invalid', () => {
  expect(() => encode([RENAMED.fill({ index: 3, newName: 'name-that-is-too-long' })])).toThrow(
    'name-that-is-too-long',
  );
});

test('encodeRequests() grows the buffer and keeps what it has encoded', () => {
  const { messages } = encode([of(4), of(40_000), RENAMED.fill({ index: 3, newName: 'net1' })]);
  expect(messages.map(({ payload }) => payload.length)).toEqual([4, 40_000, RENAMED.form[2].length]);
});

test('encodeRequests() stops at the limit, but takes a request that exceeds it alone', () => {
  expect(encode([of(84), of(84), of(84)], 200).next).toBe(2);
  expect(encode([of(400), of(4)], 200).next).toBe(1);
});

test('encodeRequests() acknowledges one request, and requestAck() the last', () => {
  expect(encode([of(4), of(4)], undefined, 0).messages.map(({ flags }) => flags & NLM_F_ACK)).toEqual([4, 0]);
  encode([of(4), of(4)]);
  requestAck();
  expect(decoded().map(({ flags }) => flags & NLM_F_ACK)).toEqual([0, 4]);
});
