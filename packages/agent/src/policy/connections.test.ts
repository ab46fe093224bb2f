import type { Flow } from '@cnikit/netlink/conntrack';
import { emptyRuleset } from '@cnikit/policy';
import { expect, test } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import { Connections, isDenied } from './connections.ts';

const MARK = 0x100;
const POD = '10.0.0.2';
const NODE = new Set(['10.0.0.254']);

/** Rules of a node with one pod, which only TCP port 80 reaches. */
function rules() {
  const ruleset = emptyRuleset();
  ruleset.chains.set('pods/1', [{ verdict: { jump: 'ingress/x/p' } }, { verdict: 'drop' }]);
  ruleset.chains.set('ingress/x/p', [{ service: { protocol: 'TCP', range: [80, 80] }, verdict: 'accept' }]);
  ruleset.pods.ingress.set(POD, 'pods/1');
  ruleset.pods.egress.set(POD, 'open');
  return ruleset;
}

/** A connection to the pod, perhaps through the address of a Service. */
const flow = (port: number, { protocol = 6, from = '192.0.2.1', service = POD, mark = 0 } = {}): Flow => ({
  family: 'ipv4',
  original: { source: from, destination: service, protocol, sourcePort: 1000, destinationPort: 8000 },
  reply: { source: POD, destination: from, protocol, sourcePort: port, destinationPort: 1000 },
  status: 2,
  mark,
});

test.each([
  ['an allowed connection', flow(80), false],
  ['a denied connection', flow(81), true],
  ['an allowed connection through a Service', flow(80, { service: '10.96.0.1' }), false],
  ['a denied connection through a Service', flow(81, { service: '10.96.0.1' }), true],
  ['ICMP', flow(80, { protocol: 1 }), true],
  ['a connection of the node', flow(81, { from: '10.0.0.254' }), false],
  ['a connection from the loopback address', flow(81, { from: '127.0.0.1' }), false],
])('isDenied() judges %s', (_, one, expected) => {
  expect(isDenied(rules(), one, NODE)).toBe(expected);
});

function start(flows: Flow[]) {
  const calls: string[] = [];
  const timers: (() => void)[] = [];
  const state = { refusal: undefined as Error | undefined, pods: new Map<string, string>() };
  const ports = (list: readonly Flow[]) => list.map(({ reply }) => reply.sourcePort).join();
  const metrics = new Metrics();
  const ruleset = rules();
  const connections = new Connections({
    tracking: {
      flowsOf: (family, addresses) => {
        if (state.refusal !== undefined) {
          throw state.refusal;
        }
        return flows.filter((one) => one.family === family && addresses.has(one.reply.source));
      },
      deleteFlows: (list) => calls.push(`delete ${ports(list)}`),
      mark: (list, _, isSet) => {
        if (list.length > 0) {
          calls.push(`${isSet ? 'mark' : 'clear'} ${ports(list)}`);
        }
        return list.length;
      },
      nodeAddresses: () => NODE,
    },
    ruleset: () => ruleset,
    podAt: (address) => state.pods.get(address),
    cutMark: MARK,
    onChange: () => calls.push(`failure ${connections.failure}`),
    metrics,
    log: { warn: (_, message) => calls.push(message), info: () => undefined },
    after: (_, body) => {
      timers.push(body);
      return () => undefined;
    },
  });
  const elapse = (): void => {
    for (const body of timers.splice(0)) {
      body();
    }
  };
  return { connections, calls, metrics, state, ruleset, elapse };
}

test('check() marks what is denied, and clears what is allowed again', () => {
  const { connections, calls, metrics, elapse } = start([
    flow(80),
    flow(81),
    flow(80, { mark: MARK }),
    flow(82, { mark: MARK | 1 }),
  ]);
  connections.check();
  elapse();
  expect(calls).toEqual(['mark 81', 'clear 80']);
  expect(metrics.get('policy_cut_connections')).toBe(1);
});

test('check() has expected connections follow the one that announced them', () => {
  const commands = flow(81);
  const allowed = flow(80);
  const ofCommands = { master: commands.original, status: 3 };
  const ofAllowed = { master: { ...allowed.original, sourcePort: 1001 }, status: 3 };
  allowed.original.sourcePort = 1001;
  const { connections, calls, elapse } = start([
    // The kernel lists connections in any order.
    { ...flow(2000), ...ofCommands },
    commands,
    allowed,
    { ...flow(2001), ...ofAllowed },
    { ...flow(2002, { mark: MARK }), ...ofAllowed },
    // The connections that announced these have ended.
    { ...flow(2003), master: { ...commands.original, sourcePort: 9 } },
    { ...flow(2004, { mark: MARK }), master: { ...commands.original, sourcePort: 9 } },
  ]);
  connections.check();
  elapse();
  expect(calls).toEqual(['mark 81,2000', 'clear 2002']);
});

test('check() reports a refusal, and its end', () => {
  const { connections, calls, state, elapse } = start([flow(80)]);
  state.refusal = new Error('ENOBUFS');
  connections.check();
  elapse();
  state.refusal = undefined;
  elapse();
  expect(calls).toEqual([
    'failure Cannot end connections that policies deny now: ENOBUFS',
    'failure undefined',
  ]);
});

test('programmed() deletes connections of pods of this node at once, and of gone pods of others later', () => {
  const { connections, calls, state, ruleset, elapse } = start([flow(80)]);
  connections.take([{ type: 'pod', action: 'delete', direction: 'egress', address: POD }]);
  connections.programmed(false);
  expect(calls).toEqual([]);
  ruleset.pods.egress.delete(POD);
  ruleset.pods.ingress.delete(POD);
  connections.take([{ type: 'pod', action: 'delete', direction: 'egress', address: POD }]);
  connections.programmed(false);
  expect(calls.splice(0)).toEqual(['delete 80']);
  const leaves = [{ type: 'member', action: 'delete', selection: 1, address: POD }] as const;
  state.pods.set(POD, 'x/a');
  connections.take(leaves);
  connections.programmed(false);
  elapse();
  expect(calls).toEqual([]);
  state.pods.clear();
  connections.take(leaves);
  connections.programmed(false);
  expect(calls).toEqual([]);
  elapse();
  expect(calls).toEqual(['delete 80']);
});
