/** Packets that flow while the table of NetworkPolicies changes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { openNftables } from '@cnikit/netlink/nftables';
import { type NetworkPolicy, PolicyCompiler, readObject } from '@cnikit/policy';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { soakSize } from '../../../vitest.soak.ts';
import { addressesOf, objectsOf } from '../../policy/test/upstream.ts';
import { PolicyTable } from '../src/policy/policy-table.ts';
import { scopeOf } from '../src/policy/rules.ts';
import { endAll } from './live-node.ts';

const run = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' });
const SCOPE = scopeOf(['10.0.0.0/24', 'fd00::/120']);
const PODS = ['x/a', 'x/b', 'x/c'];
const ROUNDS = soakSize(60, 500);
/** Sends datagrams to the same address without end. */
const FLOOD = `const socket = require('node:dgram').createSocket('udp4');
socket.on('error', () => {});
socket.connect(9, '${addressesOf('x/a').ipv4}', () => {
  const some = () => {
    for (let i = 0; i < 64; i++) socket.send('x', () => {});
    setImmediate(some);
  };
  some();
});`;

/**
 * Counts the datagrams of each sender before and behind the policies. They are not tracked, so that each one meets the
 * policies.
 */
const COUNTERS = `table inet count {
  chain untracked { type filter hook prerouting priority raw; notrack; }
  chain before { type filter hook forward priority -50; ${counters('before')} }
  chain behind { type filter hook forward priority 50; ${counters('behind')} }
  ${['before-b', 'behind-b', 'before-c', 'behind-c'].map((name) => `counter ${name} { }`).join('\n')}
}`;
function counters(place: string): string {
  return ['b', 'c']
    .map(
      (name) => `ip saddr ${addressesOf(`x/${name}`).ipv4} meta l4proto udp counter name ${place}-${name};`,
    )
    .join(' ');
}

const policy = (name: string, from: string): NetworkPolicy => ({
  kind: 'NetworkPolicy',
  metadata: { namespace: 'x', name },
  spec: {
    podSelector: { matchLabels: { pod: 'a' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { pod: from } } }] }],
  },
});

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('Packets during changes of the table', () => {
  const nft = openNftables();
  const senders: ChildProcess[] = [];
  beforeAll(() => {
    run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    for (const [index, name] of PODS.entries()) {
      const { ipv4 } = addressesOf(name);
      run('ip', 'netns', 'add', `flood${index}`);
      run(
        'ip',
        'link',
        'add',
        `flood${index}`,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        `flood${index}`,
      );
      run('ip', 'link', 'set', `flood${index}`, 'up');
      run('ip', 'address', 'add', '169.254.1.1/32', 'dev', `flood${index}`);
      run('ip', 'route', 'add', `${ipv4}/32`, 'dev', `flood${index}`);
      const inside = (...args: string[]) => run('ip', '-n', `flood${index}`, ...args);
      inside('link', 'set', 'eth0', 'up');
      inside('address', 'add', `${ipv4}/32`, 'dev', 'eth0');
      inside('route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'eth0', 'onlink');
    }
  });
  afterEach(() => endAll(senders.splice(0)));
  afterAll(() => {
    nft.close();
    run('nft', 'flush', 'ruleset');
    for (const index of PODS.keys()) {
      run('ip', 'netns', 'delete', `flood${index}`);
    }
  });

  const counts = (): Record<string, number> => {
    const { nftables } = JSON.parse(run('nft', '-j', 'list', 'counters')) as {
      nftables: { counter?: { name: string; packets: number } }[];
    };
    return Object.fromEntries(
      nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])),
    );
  };

  test.each(['rebuild()', 'apply()'] as const)(
    '%s passes every packet that policies allow all the time, and none that they deny',
    { timeout: 120_000 },
    async (change) => {
      const compiler = new PolicyCompiler('n1');
      const put = (...objects: unknown[]) =>
        compiler.apply(objects.map((object) => ({ type: 'put', object: readObject(object)! })));
      put(...objectsOf({ title: '', policies: [policy('from-b', 'b')], denies: () => false }));
      const table = new PolicyTable(nft);
      table.rebuild(compiler.ruleset, SCOPE);
      execFileSync('nft', ['-f', '-'], { input: `table inet count\ndelete table inet count\n${COUNTERS}` });
      for (const index of [1, 2]) {
        senders.push(spawn('ip', ['netns', 'exec', `flood${index}`, process.execPath, '-e', FLOOD]));
      }
      await vi.waitFor(
        () => {
          const { 'before-b': b, 'before-c': c } = counts();
          expect(Math.min(b!, c!)).toBeGreaterThan(0);
        },
        { timeout: 30_000, interval: 5 },
      );
      const other = policy('from-other', 'other');
      for (let round = 0; round < ROUNDS; round++) {
        if (change === 'rebuild()') {
          table.rebuild(compiler.ruleset, SCOPE);
        } else {
          table.apply(put(other));
          table.apply(compiler.apply([{ type: 'delete', object: other }]));
        }
      }
      await endAll(senders.splice(0));
      // Some packets are still in flight.
      await vi.waitFor(
        () => {
          const seen = counts();
          expect(seen['behind-b']).toBe(seen['before-b']);
        },
        { timeout: 30_000, interval: 5 },
      );
      expect(counts()['behind-c']).toBe(0);
    },
  );
});
