import { parseAddress } from '@cnikit/ip';
import { emptyRuleset } from '@cnikit/policy';
import { expect, test } from 'vitest';
import { denialOf, logDenials } from './denial-log.ts';

const ruleset = emptyRuleset();
ruleset.chains.set('pods/1', [
  { verdict: { jump: 'ingress/shop/db' } },
  { verdict: { jump: 'ingress/shop/closed' } },
  { verdict: 'drop' },
]);
ruleset.chains.set('ingress/shop/closed', []);
ruleset.chains.set('ingress/shop/db', [
  { service: { protocol: 'TCP', range: [5432, 5432] }, verdict: 'accept' },
]);
ruleset.pods.ingress.set('10.0.0.2', 'pods/1');
ruleset.pods.egress.set('10.0.0.2', 'open');
ruleset.chains.set('pods/2', [{ verdict: { jump: 'egress/vpn/quiet' } }, { verdict: 'drop' }]);
ruleset.chains.set('egress/vpn/quiet', []);
ruleset.pods.egress.set('10.0.0.3', 'pods/2');
const PODS: Readonly<Record<string, string>> = {
  '10.0.0.1': 'shop/web',
  '10.0.0.2': 'shop/db',
  '10.0.0.3': 'vpn/gate',
};
const state = {
  ruleset,
  podAt: (address: string) => PODS[address],
  ownAddresses: (link: number) => (link === 7 ? ['fd00::3', '10.0.0.3'] : []),
};

/** A packet of IPv4 with ports. */
function packet(source: string, destination: string, protocol: number, port: number): Uint8Array {
  const bytes = new Uint8Array(24);
  bytes.set([0x45], 0);
  bytes[9] = protocol;
  bytes.set(parseAddress(source)!, 12);
  bytes.set(parseAddress(destination)!, 16);
  bytes.set([0, 1, port >> 8, port & 0xff], 20);
  return bytes;
}
const denial = (source: string, destination: string, protocol: number, port: number, inputIndex?: number) =>
  denialOf({ packet: packet(source, destination, protocol, port), inputIndex }, state);

test('denialOf() names the pods, the port, the direction and the policies that isolate', () => {
  expect(denial('10.0.0.1', '10.0.0.2', 6, 80)).toEqual({
    denied: 'ingress',
    protocol: 'TCP',
    source: '10.0.0.1',
    sourcePod: 'shop/web',
    destination: '10.0.0.2',
    destinationPod: 'shop/db',
    port: 80,
    policies: ['shop/db', 'shop/closed'],
    message:
      'Denied TCP from shop/web (10.0.0.1) to shop/db (10.0.0.2) port 80: no rule for ingress of shop/db in shop/db, shop/closed',
  });
});

test.each([
  [
    'an outside source',
    denial('192.0.2.1', '10.0.0.2', 17, 5432),
    'Denied UDP from 192.0.2.1 to shop/db (10.0.0.2) port 5432',
  ],
  [
    'ICMP',
    denial('10.0.0.1', '10.0.0.2', 1, 0),
    'Denied ICMP from shop/web (10.0.0.1) to shop/db (10.0.0.2): no rule',
  ],
  ['another protocol', denial('10.0.0.1', '10.0.0.2', 47, 0), 'Denied protocol 47 from'],
  ['an unknown pod', denial('10.0.0.9', '192.0.2.1', 6, 80), ': no known pod of this node has the address'],
  ['changed rules', denial('10.0.0.1', '10.0.0.2', 6, 5432), ': the rules have changed since'],
])('denialOf() describes %s', (_, described, text) => {
  expect(described?.message).toContain(text);
});

test.each([
  ['that no pod has', '10.8.0.7'],
  ['of a pod on another node', '10.0.0.1'],
])('denialOf() names the pod behind the link of a packet with a source address %s', (_, source) => {
  expect(denial(source, '192.0.2.1', 6, 80, 7)).toMatchObject({
    denied: 'egress',
    source,
    sourcePod: 'vpn/gate',
    policies: ['vpn/quiet'],
    message: `Denied TCP from vpn/gate (${source}) to 192.0.2.1 port 80: no rule for egress of vpn/gate in vpn/quiet`,
  });
});

test('denialOf() names the pod of the source address when the link has no pod with other addresses', () => {
  expect(denial('10.0.0.1', '10.0.0.2', 6, 80, 8)).toMatchObject({
    denied: 'ingress',
    sourcePod: 'shop/web',
  });
});

test('logDenials() logs a line for each IP packet and nothing for other events', async () => {
  async function* events() {
    yield { type: 'overflow' };
    yield { type: 'packet', packet: new Uint8Array(3) };
    yield { type: 'packet', packet: packet('10.0.0.1', '10.0.0.2', 6, 80) };
  }
  const lines: object[] = [];
  await logDenials(events(), state, { info: (fields) => void lines.push(fields), warn: () => undefined });
  expect(lines).toMatchObject([{ denied: 'ingress', port: 80 }]);
});
