import { expect, test } from 'vitest';
import { Encoder } from './codec/encoder.ts';
import { connectedNetwork, openRtnetlink } from './short-lived.ts';
import { fakePeer } from './testing.ts';

const RTM_NEWROUTE = 24;
const [RTA_OIF, RTA_PREFSRC] = [4, 7];
const [RTPROT_KERNEL, RTPROT_BOOT] = [2, 3];

/** A route to a network of 20 bits with these attributes. */
function answered(protocol: number, attributes: (encoder: Encoder) => unknown, type = RTM_NEWROUTE) {
  const body = new Encoder().putU8(2).putU8(20).putZeros(3).putU8(protocol).putZeros(6);
  attributes(body);
  return openRtnetlink({ sys: fakePeer((_, answer) => answer.message(type, body.finish())).sys });
}

const oif = (encoder: Encoder) => encoder.u32(RTA_OIF, 5);
const source = (encoder: Encoder) => encoder.raw(RTA_PREFSRC, Uint8Array.of(10, 9, 0, 1));

test('connectedNetwork() returns index and address of the route that the kernel made', () => {
  const rt = answered(RTPROT_KERNEL, (encoder) => oif(source(encoder)));
  expect(connectedNetwork(rt, '10.9.0.2')).toEqual({ index: 5, address: '10.9.0.1/20' });
});

test.each([
  ['a route of another protocol', answered(RTPROT_BOOT, (encoder) => oif(source(encoder)))],
  ['another message', answered(RTPROT_KERNEL, (encoder) => oif(source(encoder)), RTM_NEWROUTE + 1)],
  ['a route without a link', answered(RTPROT_KERNEL, source)],
  ['a route without a source', answered(RTPROT_KERNEL, oif)],
  [
    'a number of another size',
    answered(RTPROT_KERNEL, (encoder) => source(encoder).raw(RTA_OIF, Uint8Array.of(5, 0))),
  ],
  [
    'an address of another size',
    answered(RTPROT_KERNEL, (encoder) => oif(encoder).raw(RTA_PREFSRC, new Uint8Array(16))),
  ],
  ['invalid attributes', answered(RTPROT_KERNEL, (encoder) => encoder.putU32(0xffff).putU32(0))],
])('connectedNetwork() returns undefined for %s', (_, rt) => {
  expect(connectedNetwork(rt, '10.9.0.2')).toBeUndefined();
});
