import { expect, test } from 'vitest';
import { IptablesError } from './errors.ts';
import { openIptables } from './iptables.ts';
import type { Run, TableSpec } from './model.ts';
import { fakeIptables, type ScriptedStep, scriptedRun } from './testing/index.ts';

const TABLES: readonly TableSpec[] = [{ table: 'filter', chains: { MINE: [['-j', 'ACCEPT']] } }];
const VERSION = 'iptables v1.8.9 (nf_tables)';
const PAYLOAD = '*filter\n:MINE - [0:0]\n-A MINE -j ACCEPT\nCOMMIT\n';
const SAVED = '*filter\n:MINE - [0:0]\n-A MINE -j ACCEPT\nCOMMIT\n';
const open: ScriptedStep = { command: 'iptables-nft --version', result: { stdout: VERSION } };
const save = (stdout: string): ScriptedStep => ({
  command: 'iptables-nft-save -t filter',
  result: { stdout },
});
const restore = (status: number, stderr: string): ScriptedStep => ({
  command: 'iptables-nft-restore --noflush -w 5',
  input: PAYLOAD,
  result: { status, stderr },
});

function failing(action: () => unknown): IptablesError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(IptablesError);
    return error as IptablesError;
  }
  throw new Error('Nothing was thrown');
}

test('ensure() reads the rules, restores once and reads them again', () => {
  const script = scriptedRun([open, save(''), restore(0, ''), save(SAVED), save(SAVED)]);
  const ipt = openIptables({ family: 'ipv4', backend: 'nft', run: script.run, env: {} });
  expect(ipt.ensure(TABLES).changed).toBe(true);
  expect(ipt.ensure(TABLES).changed).toBe(false);
  script.done();
});

test('ensure() reads several tables with one iptables-save', () => {
  const script = scriptedRun([
    { command: 'ip6tables-legacy --version', result: { stdout: 'ip6tables v1.8.9 (legacy)' } },
    { command: 'ip6tables-legacy-save' },
    { command: 'ip6tables-legacy-restore --noflush -w 5' },
    {
      command: 'ip6tables-legacy-save',
      result: { stdout: '*filter\n:A - [0:0]\nCOMMIT\n*nat\n:B - [0:0]\nCOMMIT\n' },
    },
  ]);
  const ipt = openIptables({ family: 'ipv6', backend: 'legacy', run: script.run, env: {} });
  ipt.ensure([
    { table: 'filter', chains: { A: [] } },
    { table: 'nat', chains: { B: [] } },
  ]);
  script.done();
});

test.each<[string, string, number, string, RegExp]>([
  [
    'LOCKED',
    "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock.",
    4,
    '',
    /held the xtables lock for the 5 s/,
  ],
  [
    'PERMISSION',
    'Could not fetch rule set generation id: Permission denied (you must be root)',
    4,
    '',
    /NET_ADMIN/,
  ],
  [
    'RESTORE_FAILED',
    'iptables-restore v1.8.9 (legacy): unknown option "--bad"\nError occurred at line: 3\nTry `iptables-restore -h\' for more',
    2,
    '-A MINE -j ACCEPT',
    /status 2 at "-A MINE -j ACCEPT": iptables-restore v1.8.9 \(legacy\): unknown option "--bad"$/,
  ],
])('ensure() throws an error with the code %s', (code, stderr, status, line, message) => {
  const script = scriptedRun([open, save(''), restore(status, stderr)]);
  const error = failing(() =>
    openIptables({ family: 'ipv4', backend: 'nft', run: script.run, env: {} }).ensure(TABLES),
  );
  expect(error).toMatchObject({
    code,
    status,
    stderr,
    argv: ['iptables-nft-restore', '--noflush', '-w', '5'],
  });
  expect(error.line ?? '').toBe(line);
  expect(error.message).toMatch(message);
  script.done();
});

test('ensure() retries after contention and gives up when the plan stays the same', () => {
  const busy = restore(4, 'line 2: CHAIN_ADD failed (Resource busy): chain MINE');
  const script = scriptedRun([open, save(''), busy, save(''), restore(0, ''), save(SAVED)]);
  expect(
    openIptables({ family: 'ipv4', backend: 'nft', run: script.run, env: {} }).ensure(TABLES).changed,
  ).toBe(true);
  script.done();
  const again = scriptedRun([open, save(''), busy, save(''), busy]);
  const error = failing(() =>
    openIptables({ family: 'ipv4', backend: 'nft', run: again.run, env: {} }).ensure(TABLES),
  );
  expect(error).toMatchObject({ code: 'RESTORE_FAILED', line: ':MINE - [0:0]' });
  again.done();
});

test('ensure() throws UNSTABLE when another program undoes every restore', () => {
  const fake = fakeIptables();
  const run: Run = (argv, input) => {
    const result = fake.run(argv, input);
    if (argv[0] === 'iptables-nft-restore') {
      fake.run(['iptables-nft-restore', '--noflush'], '*filter\n-F MINE\nCOMMIT\n');
    }
    return result;
  };
  const error = failing(() => openIptables({ family: 'ipv4', backend: 'nft', run, env: {} }).ensure(TABLES));
  expect(error).toMatchObject({
    code: 'UNSTABLE',
    message: expect.stringContaining('filter: + MINE -j ACCEPT'),
  });
});

test('ensure() learns how iptables-save prints an unknown extension', () => {
  const declared = ['-m', 'owner', '--uid-owner', 'root', '-j', 'ACCEPT'];
  const shown = (rule: string) => save(`*filter\n:MINE - [0:0]\n-A MINE ${rule}\nCOMMIT\n`);
  const known = shown('-m owner --uid-owner 0 -j ACCEPT');
  const tampered = shown('-m owner --uid-owner 0 -j DROP');
  const write = { command: 'iptables-nft-restore --noflush -w 5' };
  const script = scriptedRun([open, save(''), write, known, known, tampered, write, known]);
  const ipt = openIptables({ family: 'ipv4', backend: 'nft', run: script.run, env: {} });
  const tables: TableSpec[] = [{ table: 'filter', chains: { MINE: [declared] } }];
  expect(ipt.ensure(tables).changed).toBe(true);
  expect(ipt.ensure(tables).changed).toBe(false);
  expect(ipt.ensure(tables).changed).toBe(true);
  script.done();
});

test('ensure() of another process compares unknown spellings by a restore that fails, and writes nothing', () => {
  const shown = save(
    '*filter\n:MINE - [0:0]\n-A MINE -m owner --uid-owner 0 -j ACCEPT\n-A MINE -m owner --uid-owner 5 -j ACCEPT\nCOMMIT\n',
  );
  const compare = (failedLine: number): ScriptedStep => ({
    command: 'iptables-nft-restore --noflush -w 5',
    result: { status: 1, stderr: `iptables-nft-restore: line ${failedLine} failed: Bad rule` },
  });
  const rule = (user: string) => ['-m', 'owner', '--uid-owner', user, '-j', 'ACCEPT'];
  const tables: TableSpec[] = [{ table: 'filter', chains: { MINE: [rule('root'), rule('games')] } }];
  const equal = scriptedRun([open, shown, compare(9), shown]);
  const ipt = openIptables({ family: 'ipv4', backend: 'nft', run: equal.run, env: {} });
  expect(ipt.ensure(tables)).toEqual({ changed: false, diff: [] });
  expect(ipt.plan(tables).changed).toBe(false);
  equal.done();
  // Line 4 compares the first rule. The second is compared alone, and is equal.
  const first = scriptedRun([open, shown, compare(4), compare(6)]);
  const { diff } = openIptables({ family: 'ipv4', backend: 'nft', run: first.run, env: {} }).plan(tables);
  expect(diff).toEqual([expect.stringContaining('~ MINE -m owner --uid-owner 0 -j ACCEPT => ')]);
  first.done();
});

test.each([
  [
    'another program holds the lock',
    { status: 4, stderr: 'Another app is currently holding the xtables lock.' },
  ],
  ['the restore succeeds', {}],
])('plan() counts rules as different that it cannot compare because %s', (_, result) => {
  const script = scriptedRun([
    open,
    save('*filter\n:MINE - [0:0]\n-A MINE -m owner --uid-owner 0\nCOMMIT\n'),
    { command: 'iptables-nft-restore --noflush -w 5', result },
  ]);
  const ipt = openIptables({ family: 'ipv4', backend: 'nft', run: script.run, env: {} });
  const rule = ['-m', 'owner', '--uid-owner', 'root'];
  expect(ipt.plan([{ table: 'filter', chains: { MINE: [rule] } }]).diff).toHaveLength(1);
  script.done();
});

test('ensure() throws MISSING with the name of the package when nothing is installed', () => {
  const notFound: Run = () => {
    throw Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' });
  };
  for (const run of [notFound, fakeIptables({ installed: [] }).run]) {
    for (const backend of [{}, { backend: 'nft' as const }]) {
      const error = failing(() => openIptables({ family: 'ipv4', run, env: {}, ...backend }).ensure(TABLES));
      expect(error).toMatchObject({
        code: 'MISSING',
        message: expect.stringContaining('Install the package iptables'),
      });
    }
  }
});

test('ensure() rethrows other errors of the runner', () => {
  const run: Run = () => {
    throw Object.assign(new Error('spawn EACCES'), { code: 'EACCES' });
  };
  expect(() => openIptables({ family: 'ipv4', run, env: {} }).ensure(TABLES)).toThrow('spawn EACCES');
});

test('ensure() uses the plain commands when only those are installed', () => {
  for (const [version, backend] of [
    ['iptables v1.8.9 (nf_tables)', 'nft'],
    ['iptables v1.6.2', 'legacy'],
  ] as const) {
    const fake = fakeIptables({ installed: [backend], plain: backend });
    const run: Run = (argv, input) => {
      if (/-(nft|legacy)/.test(argv[0] as string)) {
        return { status: 127, stdout: '', stderr: '' };
      }
      return argv.includes('--version') ? { status: 0, stdout: version, stderr: '' } : fake.run(argv, input);
    };
    const ipt = openIptables({ family: 'ipv4', run, env: {} });
    expect(ipt.report()).toMatchObject({ backend, reason: 'only-installed' });
    expect(ipt.ensure(TABLES).changed).toBe(true);
    expect(ipt.ensure(TABLES).changed).toBe(false);
    const other = backend === 'nft' ? 'legacy' : 'nft';
    expect(
      failing(() => openIptables({ family: 'ipv4', run, backend: other, env: {} }).ensure(TABLES)).code,
    ).toBe('MISSING');
  }
});

test('ensure() refuses versions of iptables whose restore cannot wait for the lock', () => {
  for (const [version, fine] of [
    ['1.4.21', false],
    ['1.6.1', false],
    ['1.6.2', true],
    ['1.8.0', true],
    ['2.0.0', true],
  ] as const) {
    const { run } = fakeIptables({ version });
    const ensure = () => openIptables({ family: 'ipv4', backend: 'legacy', run, env: {} }).ensure(TABLES);
    if (fine) {
      expect(ensure().changed).toBe(true);
    } else {
      expect(failing(ensure)).toMatchObject({
        code: 'UNSUPPORTED_VERSION',
        message: expect.stringContaining(version),
      });
    }
  }
});

test('ensure() waits for the lock once and succeeds at the next call', () => {
  const fake = fakeIptables();
  fake.holdLock(1);
  const ipt = openIptables({ family: 'ipv4', backend: 'legacy', run: fake.run, env: {} });
  expect(failing(() => ipt.ensure(TABLES)).code).toBe('LOCKED');
  expect(ipt.ensure(TABLES).changed).toBe(true);
});

test('rules() returns the rules of a chain as iptables-save prints them, without counters and other chains', () => {
  const saved = [
    '*filter',
    ':INPUT ACCEPT [3:180]',
    ':MINE - [0:0]',
    '[5:300] -A MINE -s 192.0.2.0/24 -m comment --comment "a -A b" -j ACCEPT',
    '-A INPUT -j MINE',
    '-A MINE -j DROP',
    'COMMIT',
    '',
  ].join('\n');
  const script = scriptedRun([open, save(saved), save(saved), save(saved), save('')]);
  const ipt = openIptables({ family: 'ipv4', backend: 'nft', run: script.run, env: {} });
  expect(ipt.rules('filter', 'MINE')).toEqual([
    '-s 192.0.2.0/24 -m comment --comment "a -A b" -j ACCEPT',
    '-j DROP',
  ]);
  expect(ipt.rules('filter', 'INPUT')).toEqual(['-j MINE']);
  expect(ipt.rules('filter', 'OTHER')).toEqual([]);
  expect(ipt.rules('filter', 'MINE')).toEqual([]);
  script.done();
});

test('rules() throws the error of iptables-save', () => {
  const result = { status: 4, stderr: 'Another app is currently holding the xtables lock.' };
  const script = scriptedRun([open, { command: 'iptables-nft-save -t nat', result }]);
  const ipt = openIptables({ family: 'ipv4', backend: 'nft', run: script.run, env: {} });
  expect(failing(() => ipt.rules('nat', 'POSTROUTING')).message).toMatch(/lock/);
});

test('openIptables() takes the backend from the environment and refuses an unknown one', () => {
  const { run } = fakeIptables();
  const report = (hint: string) =>
    openIptables({ family: 'ipv4', run, env: { CNIKIT_IPTABLES_BACKEND: hint } }).report();
  expect(report('legacy')).toMatchObject({ backend: 'legacy', reason: 'environment' });
  expect(report('')).toMatchObject({ backend: 'nft', reason: 'default' });
  expect(failing(() => report('nftables'))).toMatchObject({
    code: 'INVALID',
    message: expect.stringContaining('"nftables"'),
  });
});

test('ensure() runs no program when no table is declared', () => {
  const script = scriptedRun([]);
  expect(openIptables({ family: 'ipv4', run: script.run, env: {} }).ensure([])).toEqual({
    changed: false,
    diff: [],
  });
  script.done();
});

test('scriptedRun() throws for commands that were not expected or not run', () => {
  const script = scriptedRun([{ command: 'a b', input: 'x' }, { command: 'c' }]);
  expect(() => script.run(['a'])).toThrow('Unexpected command "a": the script has "a b"');
  expect(() => script.done()).toThrow('Not run: c');
  expect(() => scriptedRun([{ command: 'a', input: 'x' }]).run(['a'], 'y')).toThrow(
    'Unexpected input of "a"',
  );
});

test('openIptables() refuses unknown options, families and backends', () => {
  const open = (options: object) => failing(() => openIptables({ env: {}, ...options } as never)).message;
  expect(open({ family: 'ipv4', prefx: 'A-' })).toMatch(/Unknown key "prefx" in options/);
  expect(open({ family: 'inet' })).toMatch(/Invalid family "inet"/);
  expect(open({ family: 'ipv4', backend: 'nftables' })).toMatch(/Invalid backend "nftables"/);
});
