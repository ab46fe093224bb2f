import { expect, test } from 'vitest';
import {
  type Backend,
  type Family,
  IptablesError,
  openIptables,
  type Run,
  type TableSpec,
} from '../src/index.ts';
import { programs } from '../src/runner.ts';
import { FOREIGN } from './foreign.ts';
import { SPELLINGS, spellingArgv } from './spellings.ts';

/** A host to test on: the real programs in a separate network namespace, or the fake. */
export interface Host {
  readonly run: Run;
  /** Runs `action` once, just before the next restore. */
  beforeNextRestore(action: () => void): void;
}

/** Tests that the real programs and the fake must pass. `fresh()` returns a host without rules. */
export function contract(family: Family, backend: Backend, fresh: () => Host): void {
  const names = programs(family, backend);
  const [pod, cluster] =
    family === 'ipv4' ? ['10.244.1.0/24', '10.244.0.0/16'] : ['fd00:1::/64', 'fd00::/16'];
  const open = (host: Host, prefix?: string) =>
    openIptables({ family, backend, run: host.run, prefix, env: {} });
  /**
   * Returns the lines of iptables-save with counters, except those of policies, which legacy clears itself.
   */
  const saved = (host: Host, table = 'filter'): string[] => {
    const { status, stdout, stderr } = host.run([names.save, '-c', '-t', table]);
    if (status !== 0) {
      throw new Error(stderr);
    }
    return stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/^(:.*) \[\d+:\d+\]$/, '$1'));
  };
  const rulesOf = (host: Host, chain: string, table = 'filter'): string[] =>
    saved(host, table)
      .filter((line) => line.includes(`] -A ${chain} `) || line.endsWith(`] -A ${chain}`))
      .map((line) => line.replace(/^\[\d+:\d+\] -A \S+ ?/, ''));
  const load = (host: Host, payload: string): void => {
    const { status, stderr } = host.run([names.restore, '--noflush', '-c'], payload);
    if (status !== 0) {
      throw new Error(stderr);
    }
  };
  const agent = (rules: TableSpec['chains'][string] = []): TableSpec[] => [
    {
      table: 'filter',
      chains: {
        'MINE-A': [
          { source: pod, comment: 'from pods', jump: 'ACCEPT' },
          { destination: pod, comment: 'to pods', jump: 'ACCEPT' },
          ...rules,
        ],
      },
      jumps: [{ from: 'FORWARD', to: 'MINE-A', at: 'first', rule: { comment: "pods' traffic" } }],
    },
    {
      table: 'nat',
      chains: {
        'MINE-B': [
          ['-d', cluster, '-j', 'RETURN'],
          ['-o', 'eth0', '-j', 'MASQUERADE', '--random-fully'],
        ],
      },
      jumps: [{ from: 'POSTROUTING', to: 'MINE-B', at: 'last' }],
    },
  ];
  const filter = (chains: TableSpec['chains'], jumps: TableSpec['jumps'] = []): TableSpec[] => [
    { table: 'filter', chains, jumps },
  ];

  test('ensure() writes once and is idempotent', () => {
    const host = fresh();
    const ipt = open(host);
    const first = ipt.ensure(agent());
    expect(first.changed).toBe(true);
    expect(first.diff).toHaveLength(8);
    expect(rulesOf(host, 'MINE-A')).toEqual([
      `-s ${pod} -m comment --comment "from pods" -j ACCEPT`,
      `-d ${pod} -m comment --comment "to pods" -j ACCEPT`,
    ]);
    expect(rulesOf(host, 'FORWARD')).toEqual([`-m comment --comment "pods\\' traffic" -j MINE-A`]);
    expect(rulesOf(host, 'MINE-B', 'nat')).toEqual([
      `-d ${cluster} -j RETURN`,
      '-o eth0 -j MASQUERADE --random-fully',
    ]);
    let wrote = false;
    host.beforeNextRestore(() => {
      wrote = true;
    });
    expect(ipt.ensure(agent())).toEqual({ changed: false, diff: [] });
    expect(open(host).ensure(agent())).toEqual({ changed: false, diff: [] });
    expect(wrote).toBe(false);
  });

  test('plan() writes nothing and returns what ensure() then changes', () => {
    const host = fresh();
    const ipt = open(host);
    const plan = ipt.plan(agent());
    expect(saved(host).filter((line) => line.includes('MINE'))).toEqual([]);
    expect(ipt.ensure(agent()).diff).toEqual(plan.diff);
    expect(ipt.plan(agent())).toEqual({ changed: false, diff: [], payload: '' });
  });

  test('ensure() writes every known rule once and finds it equal afterwards', () => {
    const host = fresh();
    for (const table of ['filter', 'nat', 'mangle', 'raw'] as const) {
      const rows = SPELLINGS.filter(
        (row) => (row.table ?? 'filter') === table && (row.family ?? family) === family,
      );
      const tables: TableSpec[] = [{ table, chains: { MINE: rows.map(spellingArgv) } }];
      open(host).ensure(tables);
      expect(rulesOf(host, 'MINE', table)).toEqual(rows.map((row) => row.saved ?? row.declared));
      expect(open(host).ensure(tables)).toEqual({ changed: false, diff: [] });
    }
  });

  test('ensure() keeps the counters of unchanged rules', () => {
    const host = fresh();
    open(host).ensure(
      filter({
        MINE: [
          ['-s', pod, '-j', 'RETURN'],
          ['-d', pod],
        ],
      }),
    );
    load(
      host,
      `*filter\n:MINE - [0:0]\n[5:500] -A MINE -s ${pod} -j RETURN\n[6:600] -A MINE -d ${pod}\n[7:700] -A MINE -i lo\nCOMMIT\n`,
    );
    const changed = [
      ['-i', 'eth0'],
      ['-s', pod, '-j', 'RETURN'],
      ['-o', 'eth0'],
      ['-i', 'lo'],
      ['-o', 'eth1'],
    ];
    const counted = saved(host).filter((line) => line.includes('-A MINE'));
    // ip6tables-nft-restore 1.8.9 ignores counters. For it, a live test counts packets.
    if (family !== 'ipv6' || backend !== 'nft') {
      expect(counted[2]).toBe('[7:700] -A MINE -i lo');
    }
    open(host).ensure(filter({ MINE: changed }));
    expect(saved(host).filter((line) => line.includes('-A MINE'))).toEqual([
      '[0:0] -A MINE -i eth0',
      counted[0],
      '[0:0] -A MINE -o eth0',
      counted[2],
      '[0:0] -A MINE -o eth1',
    ]);
  });

  for (const [kind, payload] of Object.entries(FOREIGN)) {
    test(`ensure() and remove() leave ${kind} rules, counters and policies alone`, () => {
      const host = fresh();
      load(host, payload);
      saved(host, 'nat');
      load(host, '*nat\nCOMMIT\n');
      const before = { filter: saved(host), nat: saved(host, 'nat') };
      const ipt = open(host, 'MINE-');
      ipt.ensure(agent());
      ipt.ensure(agent([['-i', 'eth7', '-j', 'DROP']]));
      for (const table of ['filter', 'nat'] as const) {
        expect(saved(host, table).filter((line) => !/^:MINE-|-A MINE-|-j MINE-[AB]$/.test(line))).toEqual(
          before[table],
        );
      }
      expect(rulesOf(host, 'FORWARD')[0]).toContain('-j MINE-A');
      expect(rulesOf(host, 'POSTROUTING', 'nat').at(-1)).toBe('-j MINE-B');
      ipt.remove(agent());
      expect({ filter: saved(host), nat: saved(host, 'nat') }).toEqual(before);
      expect(ipt.remove(agent())).toEqual({ changed: false, diff: [] });
    });
  }

  test('ensure() places jumps first, last and before a rule, and restores their places', () => {
    const host = fresh();
    load(host, '*filter\n-A FORWARD -i a\n-A FORWARD -i b -j DROP\n-A FORWARD -i c\nCOMMIT\n');
    const tables = filter({ M1: [], M2: [], M3: [], M4: [], M5: [] }, [
      { from: 'FORWARD', to: 'M1', at: 'first' },
      { from: 'FORWARD', to: 'M2', at: 'first' },
      { from: 'FORWARD', to: 'M3', at: { before: { inInterface: 'b', jump: 'DROP' } } },
      { from: 'FORWARD', to: 'M4', at: 'last' },
      { from: 'FORWARD', to: 'M5', at: 'last' },
    ]);
    const wanted = ['-j M1', '-j M2', '-i a', '-j M3', '-i b -j DROP', '-i c', '-j M4', '-j M5'];
    open(host).ensure(tables);
    expect(rulesOf(host, 'FORWARD')).toEqual(wanted);
    expect(open(host).ensure(tables).changed).toBe(false);
    load(
      host,
      '*filter\n-D FORWARD -j M3\n-A FORWARD -j M3\n-A FORWARD -j M1\n-I FORWARD -i d\n-I FORWARD 3 -i a2\nCOMMIT\n',
    );
    open(host).ensure(tables);
    expect(rulesOf(host, 'FORWARD')).toEqual([
      '-j M1',
      '-j M2',
      '-i d',
      '-i a2',
      '-i a',
      '-j M3',
      '-i b -j DROP',
      '-i c',
      '-j M4',
      '-j M5',
    ]);
    load(host, '*filter\n-D FORWARD -i b -j DROP\nCOMMIT\n');
    expect(open(host).ensure(tables).changed).toBe(false);
  });

  test('ensure() places a jump behind decisions and before the default, and does not fight for its place', () => {
    const host = fresh();
    const tables = filter({ M: [] }, [{ from: 'FORWARD', to: 'M', at: 'before-default' }]);
    const ensure = () => {
      open(host).ensure(tables);
      return rulesOf(host, 'FORWARD');
    };
    load(host, '*filter\n:POLICY - [0:0]\n-A POLICY -i p -j DROP\n-A FORWARD -j POLICY\nCOMMIT\n');
    expect(ensure()).toEqual(['-j POLICY', '-j M']);
    // Harmless rules behind it and decisions before it leave it where it is.
    load(host, '*filter\n-A FORWARD -i a -j ACCEPT\n-I FORWARD -i b -j DROP\nCOMMIT\n');
    expect(open(host).ensure(tables).changed).toBe(false);
    // A decision behind it moves it.
    load(host, '*filter\n-A FORWARD -i c -j DROP\nCOMMIT\n');
    const decided = ['-i b -j DROP', '-j POLICY', '-i a -j ACCEPT', '-i c -j DROP', '-j M'];
    expect(ensure()).toEqual(decided);
    // A default behind it is in place; one before it moves it.
    load(host, '*filter\n-A FORWARD -j DROP\nCOMMIT\n');
    expect(open(host).ensure(tables).changed).toBe(false);
    load(host, '*filter\n-I FORWARD 2 -j DROP\nCOMMIT\n');
    const [first, ...rest] = decided.slice(0, -1);
    expect(ensure()).toEqual([first, '-j M', '-j DROP', ...rest, '-j DROP']);
    expect(open(host).ensure(tables).changed).toBe(false);
  });

  test('ensure() appends a jump whose reference rule does not exist', () => {
    const host = fresh();
    load(host, '*filter\n-A FORWARD -i a\nCOMMIT\n');
    open(host).ensure(filter({ M: [] }, [{ from: 'FORWARD', to: 'M', at: { before: ['-i', 'zz'] } }]));
    expect(rulesOf(host, 'FORWARD')).toEqual(['-i a', '-j M']);
  });

  test('ensure() with a prefix removes owned chains and jumps that are no longer declared', () => {
    const host = fresh();
    const before = saved(host);
    const ipt = open(host, 'MINE-');
    ipt.ensure(
      filter({ 'MINE-OLD': [['-j', 'MINE-OLDER']], 'MINE-OLDER': [['-j', 'DROP']] }, [
        { from: 'INPUT', to: 'MINE-OLD', at: 'first' },
      ]),
    );
    load(host, '*filter\n:YOURS - [0:0]\n-A YOURS -i lo -g MINE-OLDER\nCOMMIT\n');
    ipt.ensure(filter({ 'MINE-NEW': [] }));
    expect(saved(host).filter((line) => line.includes('MINE'))).toEqual([':MINE-NEW -']);
    ipt.remove(filter({}));
    load(host, '*filter\n-X YOURS\nCOMMIT\n');
    if (before.length > 0) {
      expect(saved(host)).toEqual(before);
    }
    expect(saved(host).filter((line) => line.includes('MINE'))).toEqual([]);
  });

  test('ensure() repairs a chain that another program has emptied, filled or deleted', () => {
    const host = fresh();
    const ipt = open(host);
    ipt.ensure(agent());
    const good = saved(host);
    for (const harm of [
      '-F MINE-A',
      '-A MINE-A -j DROP',
      '-I MINE-A -j DROP',
      '-D MINE-A 1',
      '-F FORWARD',
      '-F FORWARD\n-F MINE-A\n-X MINE-A',
    ]) {
      load(host, `*filter\n${harm}\nCOMMIT\n`);
      expect(ipt.ensure(agent()).changed).toBe(true);
      expect(saved(host)).toEqual(good);
    }
  });

  test('ensure() plans again when another program writes in between', () => {
    const host = fresh();
    const ipt = open(host);
    ipt.ensure(agent());
    load(host, '*filter\n-I FORWARD -i a\nCOMMIT\n');
    // The plan deletes the jump at 2 and inserts it at 1. In between, the jump goes and a rule appears.
    host.beforeNextRestore(() => {
      load(host, '*filter\n-D FORWARD 2\n-I FORWARD -i b\nCOMMIT\n');
    });
    ipt.ensure(agent());
    expect(rulesOf(host, 'FORWARD')).toEqual([
      `-m comment --comment "pods\\' traffic" -j MINE-A`,
      '-i b',
      '-i a',
    ]);
  });

  test('ensure() of two programs at once leaves one jump', () => {
    const host = fresh();
    const other = open(host);
    host.beforeNextRestore(() => {
      other.ensure(agent());
    });
    open(host).ensure(agent());
    expect(rulesOf(host, 'FORWARD')).toHaveLength(1);
    expect(rulesOf(host, 'MINE-A')).toHaveLength(2);
  });

  test('ensure() names the refused line and changes nothing', () => {
    const host = fresh();
    const ipt = open(host);
    ipt.ensure(agent());
    const before = saved(host);
    for (const bad of [
      ['-m', 'set', '--match-set', 'no-such-set', 'src'],
      ['-j', 'NO-SUCH'],
    ]) {
      let error: unknown;
      try {
        ipt.ensure(agent([bad]));
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(IptablesError);
      expect((error as IptablesError).code).toBe('RESTORE_FAILED');
      expect((error as IptablesError).message).toMatch(/no-such-set|NO-SUCH/i);
      expect(saved(host)).toEqual(before);
    }
  });

  test('ensure() throws NO_CHAIN for a jump from a missing chain', () => {
    const host = fresh();
    const tables = filter({ M: [] }, [{ from: 'DOCKER-USER', to: 'M', at: 'first' }]);
    expect(() => open(host).ensure(tables)).toThrow(expect.objectContaining({ code: 'NO_CHAIN' }));
    expect(open(host).remove(tables)).toEqual({ changed: false, diff: [] });
  });

  test('report() returns the state of both backends', () => {
    const host = fresh();
    const ipt = openIptables({ family, run: host.run, env: {} });
    expect(ipt.report()).toMatchObject({
      mixed: false,
      nft: { installed: true, rules: 0 },
      legacy: { rules: 0 },
    });
    open(host).ensure(agent());
    expect(openIptables({ family, run: host.run, env: {} }).report()).toMatchObject({
      backend,
      reason: 'rules',
      mixed: false,
      [backend]: { rules: 6 },
    });
    const other: Backend = backend === 'nft' ? 'legacy' : 'nft';
    const elsewhere = openIptables({ family, backend: other, run: host.run, prefix: 'M-', env: {} });
    elsewhere.ensure(filter({ 'M-A': [['-i', 'lo']], 'M-B': [] }));
    expect(ipt.report()).toMatchObject({ mixed: true, [other]: { rules: 1 } });
    expect(open(host, 'M-').report()).toMatchObject({
      [other]: { own: ['M-A', 'M-B'] },
      [backend]: { own: [] },
    });
    load(host, '*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n');
    expect(ipt.report()).toMatchObject({ backend, reason: 'kubelet-hint' });
    expect(
      openIptables({ family, run: host.run, env: { CNIKIT_IPTABLES_BACKEND: other } }).report(),
    ).toMatchObject({ backend: other, reason: 'environment' });
  });
}
