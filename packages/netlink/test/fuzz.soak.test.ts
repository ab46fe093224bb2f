/**
 * Messages, random and mutated from real ones, through every decoder:
 * none may throw anything but NetlinkDecodeError, hang, or read beyond its end.
 * CNIKIT_SOAK_SEED repeats a run.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../vitest.soak.ts';
import { decodeAck, decodeDone } from '../src/codec/ack.ts';
import type { ByteOrder, Payload } from '../src/codec/bytes.ts';
import { NetlinkDecodeError } from '../src/codec/errors.ts';
import { encodeMessage, MessageReader } from '../src/codec/message.ts';
import { updateFlow } from '../src/conntrack.ts';
import { decodeFamily } from '../src/generic/family.ts';
import { decodeDevice } from '../src/generic/wireguard-decode.ts';
import { setDevice } from '../src/generic/wireguard-set.ts';
import * as nl from '../src/index.ts';
import { decodeEvent } from '../src/monitor-event.ts';
import * as expr from '../src/netfilter/expr.ts';
import { decodeOther } from '../src/netfilter/expression-other.ts';
import { decodeFlow } from '../src/netfilter/flow.ts';
import { decodeFlowEvent } from '../src/netfilter/flow-event.ts';
import { decodeFlowtable } from '../src/netfilter/flowtable.ts';
import { decodeIpSetElements } from '../src/netfilter/ip-set.ts';
import { decodeObject, newLimit } from '../src/netfilter/named-objects.ts';
import { decodeNftEvent } from '../src/netfilter/nft-event.ts';
import { decodeChain, decodeTable } from '../src/netfilter/objects.ts';
import { decodeRule as decodeNftRule, newRule as newNftRule } from '../src/netfilter/rule.ts';
import { decodeSet } from '../src/netfilter/set.ts';
import { decodeElements } from '../src/netfilter/set-elements.ts';
import { fromHex, golden } from './golden.ts';

const MESSAGES = soakSize(50_000, 1_000_000);
const SEED = soakSeed(20_261);

const decoders: Array<(message: MessageReader) => unknown> = [
  nl.decodeLink,
  nl.decodeAddress,
  nl.decodeRoute,
  nl.decodeNeighbour,
  nl.decodeRoutingRule,
  nl.decodeQdisc,
  nl.decodeFilter,
  nl.decodeNetnsId,
  decodeTable,
  decodeChain,
  decodeNftRule,
  decodeSet,
  decodeElements,
  decodeFlow,
  decodeIpSetElements,
  decodeFamily,
  decodeEvent,
  nl.decodeNextHopObject,
  nl.decodeBridgeVlans,
  nl.decodeMdb,
  (message) => nl.decodeEncap(nl.decodeRoute(message), message.order),
  (message) => decodeNftRule(message).expressions.map((one) => decodeOther(one, message.order)),
  decodeObject,
  decodeFlowtable,
  decodeFlowEvent,
  decodeNftEvent,
  decodeDevice,
  (message) => decodeAck(message, message.flags),
  (message) => decodeDone(message, message.flags),
] satisfies Array<(message: MessageReader & Payload) => unknown>;

/** xorshift32: the same messages on every machine. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Messages of kinds that were not recorded. */
function built(): Uint8Array[] {
  const route = { dst: 'fd00::/8', oif: 2 };
  const segments = ['fd00::1', 'fd00::2'];
  const key = `${'B'.repeat(42)}A=`;
  const endpoint = { address: 'fd00::1', port: 5 };
  const table = { family: 'inet', table: 't' } as const;
  const requests: nl.Request[] = [
    nl.newNextHopObject({ id: 1, via: '10.0.0.1', oif: 2 }),
    nl.newNextHopObject({ id: 3, group: [{ id: 1, weight: 3 }] }),
    nl.newRoute({ ...route, ...nl.encodeEncap({ type: 'mpls', labels: [3, 4], ttl: 5 }) }),
    nl.newRoute({ ...route, ...nl.encodeEncap({ type: 'ip', id: 5, remote: '10.0.0.1' }) }),
    nl.newRoute({ ...route, ...nl.encodeEncap({ type: 'seg6', mode: 'inline', segments }) }),
    nl.newLink({ kind: 'netkit', name: 'n0', peer: { name: 'n1' } }),
    newLimit({ ...table, name: 'l', rate: 5 }),
    updateFlow(
      { family: 'ipv4', original: { source: '10.0.0.1', destination: '10.0.0.2', protocol: 17 } },
      { mark: 1, labels: new Uint8Array(16) },
    ),
    newNftRule({
      ...{ ...table, chain: 'c' },
      expressions: [
        ...expr.hasConnectionLabel(3),
        ...expr.connectionCount(5),
        ...expr.quota(7),
        ...expr.useObject('limit', 'l'),
        ...expr.updateSet(['ip saddr'], 's', { timeout: 5 }),
      ],
    }),
    ...setDevice(
      {
        ...{ index: 2, privateKey: key, listenPort: 5 },
        peers: [{ publicKey: key, presharedKey: key, endpoint, allowedIps: ['10.0.0.0/8', '::/0'] }],
      },
      33,
    ),
  ];
  return requests.map(({ type, payload }) =>
    encodeMessage({ type, flags: 0, sequence: 1, port: 2 }, payload),
  );
}

/** Every message that was recorded, alone. */
function corpus(): Uint8Array[] {
  const files = readdirSync(new URL('../testdata/', import.meta.url)).filter((name) =>
    name.endsWith('.json'),
  );
  const found = built();
  for (const file of files) {
    const { request, answers = [] } = golden(file.slice(0, -'.json'.length));
    for (const hex of [request, ...answers]) {
      const message = new MessageReader(fromHex(hex));
      // Only the first message of a request: ip sends zeros after it.
      while (message.next()) {
        found.push(message.bytes.slice(message.start - 16, message.end));
        if (hex === request) {
          break;
        }
      }
    }
  }
  return found;
}

function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const copy = bytes.slice();
  for (let i = 1 + random(4); i > 0; i--) {
    const at = random(copy.length);
    switch (random(5)) {
      case 0:
        copy[at] = random(256);
        break;
      case 1:
        copy[at] = copy[at]! ^ (1 << random(8));
        break;
      case 2: // attribute lengths and types are aligned: hit them on purpose
        copy[at & ~3] = random(32);
        break;
      case 3:
        copy[(at & ~3) | 1] = [0, 0xff, 0x80, 1][random(4)]!;
        break;
      default:
        copy.fill(random(256), at, at + random(16));
    }
  }
  const cut = random(8) === 0 ? copy.subarray(0, random(copy.length + 1)) : copy;
  if (random(4) > 0 && cut.length >= 16) {
    new DataView(cut.buffer, cut.byteOffset).setUint32(0, cut.length, true); // so that the body is reached
  }
  return cut;
}

function randomMessage(random: (below: number) => number): Uint8Array {
  const bytes = new Uint8Array(16 + random(120));
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = random(random(2) === 0 ? 16 : 256);
  }
  new DataView(bytes.buffer).setUint32(0, bytes.length, true);
  return bytes;
}

describe('fuzz', () => {
  test(`Decoders throw only NetlinkDecodeError (${MESSAGES} messages, seed ${SEED})`, () => {
    const random = randomFrom(SEED);
    const seeds = corpus();
    let refused = 0;
    for (let i = 0; i < MESSAGES; i++) {
      const bytes = i % 4 === 0 ? randomMessage(random) : mutate(seeds[random(seeds.length)]!, random);
      const order: ByteOrder = i % 16 === 1 ? 'big' : 'little';
      try {
        const message = new MessageReader(bytes, bytes.length, order);
        while (message.next()) {
          decoders[random(decoders.length)]!(message);
        }
      } catch (error) {
        if (!(error instanceof NetlinkDecodeError)) {
          const hex = Buffer.from(bytes).toString('hex');
          throw new Error(`Message ${i} (${order} endian) ${hex}`, { cause: error });
        }
        if (error.offset > bytes.length) {
          throw new Error(`Message ${i} was read beyond its end`, { cause: error });
        }
        refused++;
      }
    }
    // Neither all nor none: the fuzzer reaches both sides.
    expect(refused).toBeGreaterThan(MESSAGES / 20);
    expect(refused).toBeLessThan(MESSAGES);
  }, 600_000);
});
