import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { openIptables, type TableSpec } from '../src/index.ts';
import { must, realHost, realRun } from './real-host.ts';

const sandboxed = process.env.CNIKIT_SANDBOX === '1';
const BACKENDS = ['nft', 'legacy'] as const;

const filter = (chains: TableSpec['chains'], jumps: TableSpec['jumps'] = []): TableSpec[] => [
  { table: 'filter', chains, jumps },
];

describe.skipIf(!sandboxed)('iptables in the kernel (needs the sandbox: run npm test at the root)', () => {
  beforeEach(() => void realHost());

  for (const backend of BACKENDS) {
    test(`ensure() keeps packet counters, ${backend}`, () => {
      for (const [family, stem, ping] of [
        ['ipv4', 'iptables', 'ping -c 2 -i 0.2 -q 127.0.0.1'],
        ['ipv6', 'ip6tables', 'ping -6 -c 2 -i 0.2 -q ::1'],
      ] as const) {
        const ipt = openIptables({ family, backend, env: {} });
        const jumps = [{ from: 'OUTPUT', to: 'MINE', at: 'first' as const }];
        ipt.ensure(filter({ MINE: [['-i', 'nowhere'], { comment: 'counts' }] }, jumps));
        must(ping);
        const count = () =>
          /\[(\d+):\d+\] -A MINE -m comment --comment counts/.exec(must(`${stem}-${backend}-save -c`))?.[1];
        const before = Number(count());
        expect(before).toBeGreaterThanOrEqual(2);
        ipt.ensure(
          filter({ MINE: [['-o', 'eth0'], ['-o', 'eth1'], { comment: 'counts' }, ['-o', 'eth2']] }, jumps),
        );
        expect(Number(count())).toBeGreaterThanOrEqual(before);
      }
    });

    test(`ensure() accepts packets in a chain with the policy DROP, ${backend}`, () => {
      const policy = `iptables-${backend}-restore --noflush`;
      must(policy, '*filter\n:INPUT DROP [0:0]\nCOMMIT\n');
      const alive = (seconds = 1) => realRun(`ping -c 1 -W ${seconds} -q 127.0.0.1`.split(' ')).status === 0;
      expect(alive()).toBe(false);
      const ipt = openIptables({ family: 'ipv4', backend, env: {} });
      const tables = filter({ MINE: [['-s', '127.0.0.0/8', '-j', 'ACCEPT']] }, [
        { from: 'INPUT', to: 'MINE', at: 'first' },
      ]);
      ipt.ensure(tables);
      expect(alive(30)).toBe(true);
      ipt.remove(tables);
      expect(alive()).toBe(false);
      expect(must(`iptables-${backend}-save`)).toContain(':INPUT DROP');
    });

    test(`ensure() recognises ipset matches, ${backend}`, () => {
      must('ipset create -exist mine hash:ip');
      must('ipset create -exist mine-ports hash:ip,port');
      const rules = [
        ['-m', 'set', '--match-set', 'mine', 'src', '-j', 'ACCEPT'],
        [
          '-m',
          'set',
          '!',
          '--match-set',
          'mine-ports',
          'dst,dst',
          '-m',
          'comment',
          '--comment',
          'x y',
          '-j',
          'DROP',
        ],
        ['-m', 'set', '--return-nomatch', '--match-set', 'mine', 'dst'],
        ['-j', 'SET', '--exist', '--add-set', 'mine', 'src'],
      ];
      expect(openIptables({ family: 'ipv4', backend, env: {} }).ensure(filter({ MINE: rules })).changed).toBe(
        true,
      );
      expect(openIptables({ family: 'ipv4', backend, env: {} }).ensure(filter({ MINE: rules })).changed).toBe(
        false,
      );
    });

    test(`ensure() learns unknown spellings, ${backend}`, () => {
      const ipt = openIptables({ family: 'ipv4', backend, env: {} });
      const rules = [
        ['-m', 'owner', '--uid-owner', 'root'],
        ['-m', 'u32', '--u32', '0>>22&0x3C@12>>26=0x1'],
        ['-m', 'hashlimit', '--hashlimit-upto', '10/s', '--hashlimit-name', 'x'],
      ];
      const rule = ['-m', 'owner', '--uid-owner', 'root'];
      const tables = filter({ MINE: rules }, [{ from: 'OUTPUT', to: 'MINE', at: 'first', rule }]);
      expect(ipt.ensure(tables).changed).toBe(true);
      expect(ipt.ensure(tables).changed).toBe(false);
      must(`iptables-${backend}-restore --noflush`, '*filter\n-R MINE 1 -m owner ! --uid-owner 0\nCOMMIT\n');
      expect(ipt.ensure(tables).diff).toHaveLength(1);
      expect(ipt.ensure(tables).changed).toBe(false);
    });

    test(`ensure() of another process recognises unknown spellings and their order, ${backend}`, () => {
      const open = () => openIptables({ family: 'ipv4', backend, env: {} });
      const port = (name: string) => ['-p', 'tcp', '--dport', name, '-j', 'ACCEPT'];
      const rule = ['-m', 'owner', '--uid-owner', 'root'];
      const before = ['-p', 'tcp', '--dport', 'https', '-j', 'DROP'];
      must(
        `iptables-${backend}-restore --noflush`,
        '*filter\n-A OUTPUT -p tcp --dport 443 -j DROP\nCOMMIT\n',
      );
      const tables = (rules: readonly string[][]) =>
        filter({ MINE: rules }, [{ from: 'OUTPUT', to: 'MINE', at: { before }, rule }]);
      const rules = [port('http'), ['-s', '10.0.0.1', '-j', 'DROP'], port('https'), port('ssh')];
      expect(open().ensure(tables(rules)).changed).toBe(true);
      expect(open().plan(tables(rules)).diff).toEqual([]);
      expect(open().ensure(tables(rules))).toEqual({ changed: false, diff: [] });
      const swapped = [rules[2], rules[1], rules[0], rules[3]] as string[][];
      expect(open().ensure(tables(swapped)).changed).toBe(true);
      expect(open().ensure(tables(swapped)).changed).toBe(false);
      const saved = must(`iptables-${backend}-save -t filter`).match(/(?<=-A MINE .*--dport )\d+/g);
      expect(saved).toEqual(['443', '80', '22']);
      const more = [port('domain'), ...swapped];
      expect(open().ensure(tables(more)).diff).toHaveLength(1);
      expect(must(`iptables-${backend}-save -t filter`)).not.toContain('CNIKIT-COMPARE');
    });

    test(`ensure() turns any rules into any others, ${backend}`, () => {
      const list = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 9 });
      const ipt = openIptables({ family: 'ipv4', backend, env: {} });
      for (const names of fc.sample(list, { numRuns: 40, seed: 20_26 })) {
        ipt.ensure(filter({ MINE: names.map((name) => ['-i', name]) }));
        const lines = must(`iptables-${backend}-save -t filter`)
          .split('\n')
          .filter((line) => line.startsWith('-A MINE'));
        expect(lines).toEqual(names.map((name) => `-A MINE -i ${name}`));
      }
    });

    test(`ensure() of many processes at once neither loses nor duplicates rules, ${backend}`, {
      timeout: 120_000,
    }, async () => {
      must(`iptables-${backend}-restore --noflush`, '*filter\n-A FORWARD -i zz -j DROP\nCOMMIT\n');
      const script = fileURLToPath(new URL('concurrent-child.ts', import.meta.url));
      const children = ['A', 'B', 'C', 'D', 'E'].map((name) =>
        spawn(process.execPath, ['--conditions=@cnikit/source', script, backend, name, '4'], {
          stdio: ['ignore', 'ignore', 'pipe'],
        }),
      );
      const done = children.map(async (child) => {
        let stderr = '';
        child.stderr.on('data', (data) => {
          stderr += data;
        });
        const [status] = await once(child, 'close');
        return { status, stderr };
      });
      const foreign: string[] = [];
      for (let i = 0; i < 20; i++) {
        foreign.push(`-A FORWARD -i foreign${i} -j ACCEPT`);
        must(`iptables-${backend} -w 60 -I FORWARD -i foreign${i} -j ACCEPT`);
      }
      expect(await Promise.all(done)).toEqual(children.map(() => ({ status: 0, stderr: '' })));
      const lines = must(`iptables-${backend}-save -t filter`)
        .split('\n')
        .filter((line) => line.startsWith('-A'));
      const jumps = ['OWN-A', 'OWN-B', 'OWN-C', 'OWN-D', 'OWN-E', 'SHARED'].map(
        (chain) => `-A FORWARD -j ${chain}`,
      );
      expect(lines.filter((line) => line.startsWith('-A FORWARD')).sort()).toEqual(
        [...jumps, ...foreign, '-A FORWARD -i zz -j DROP'].sort(),
      );
      for (const name of 'ABCDE') {
        expect(lines.filter((line) => line.startsWith(`-A OWN-${name} `))).toHaveLength(4);
      }
      expect(lines.filter((line) => line.startsWith('-A SHARED '))).toHaveLength(1);
      // The places of the foreign rules among the jumps may need one more pass, their number never.
      expect(lines.indexOf('-A FORWARD -i zz -j DROP')).toBe(
        lines.filter((line) => line.startsWith('-A FORWARD')).length - 1,
      );
    });
  }

  test('ensure() waits for the xtables lock and throws LOCKED when the wait ends', async () => {
    const hold = async () => {
      const holder = spawn('flock', ['/run/xtables.lock', 'sh', '-c', 'echo held; read released'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(holder.stdout, 'data');
      return holder;
    };
    const holder = await hold();
    const ipt = openIptables({ family: 'ipv4', backend: 'legacy', env: {} });
    const tables = filter({ MINE: [['-i', 'lo']] });
    expect(() => ipt.ensure(tables)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
    holder.stdin.end('\n');
    await once(holder, 'close');
    expect(ipt.ensure(tables).changed).toBe(true);
  });

  test('ensure() names the package to install when the programs are missing', () => {
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      expect(() => openIptables({ family: 'ipv4', env: {} }).ensure(filter({ MINE: [] }))).toThrow(
        expect.objectContaining({
          code: 'MISSING',
          message: expect.stringContaining('Install the package iptables'),
        }),
      );
    } finally {
      process.env.PATH = path;
    }
  });

  test('ensure() throws INCOMPATIBLE_TABLE for a table that iptables cannot show', () => {
    const chain = 'type filter hook prerouting priority -300; fib daddr type local accept';
    must('nft -f -', `table ip raw { chain PREROUTING { ${chain}; }; }`);
    const before = must('nft list ruleset');
    const ipt = openIptables({ family: 'ipv4', backend: 'nft', env: {} });
    expect(() => ipt.ensure([{ table: 'raw', chains: { MINE: [] } }])).toThrow(
      expect.objectContaining({ code: 'INCOMPATIBLE_TABLE' }),
    );
    expect(must('nft list ruleset')).toBe(before);
    must('nft delete table ip raw');
  });
});
