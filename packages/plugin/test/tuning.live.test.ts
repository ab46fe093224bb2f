import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { invokers, isUpstreamPinned, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { makePod, type Pod } from './namespaces.ts';

const hasUpstream = existsSync(`${UPSTREAM_DIR}/tuning`);
const MAC = '02:00:5e:10:00:01';

describe.skipIf(!inSandbox).each(invokers)(
  'tuning by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    let dataDir: string;
    let pod: Pod;
    const before = { mac: '02:00:00:00:00:aa', mtu: 1500 };
    const prevResult = () => ({
      cniVersion: '1.0.0',
      interfaces: [
        { name: 'vethhost', mac: '02:00:00:00:00:bb' },
        { name: 'eth0', mac: before.mac, sandbox: pod.path },
      ],
      ips: [{ address: '10.96.0.2/24', interface: 1 }],
    });
    const conf = (changes: object) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'tuning',
      dataDir: `${dataDir}/deep/down`,
      prevResult: prevResult(),
      ...changes,
    });
    const call = (command: string, changes: object, more = {}) =>
      invoke(env(command, 'c1', pod, more), conf(changes), 'tuning');
    const link = () => JSON.parse(pod.run('ip', '-d', '-j', 'link', 'show', 'eth0'))[0];
    const sysctl = (path: string) => pod.run('cat', `/proc/sys/${path}`).trim();
    const backup = () => `${dataDir}/deep/down/c1_eth0.json`;
    beforeEach(() => {
      dataDir = mkdtempSync('/run/cnikit-test-');
      pod = makePod();
      pod.run('ip', 'link', 'add', 'eth0', 'address', before.mac, 'type', 'bridge');
      pod.run('ip', 'link', 'set', 'eth0', 'up');
    });
    afterEach(() => {
      pod.remove();
      rmSync(dataDir, { recursive: true });
    });

    test('tuning ADD sets sysctls of the pod and replaces IFNAME', () => {
      const keys = { 'net.ipv4.conf.IFNAME.log_martians': '1', 'net/core/somaxconn': '500' };
      const { json } = ok(call('ADD', { sysctl: keys }));
      expect(json).toEqual(prevResult());
      expect(sysctl('net/ipv4/conf/eth0/log_martians')).toBe('1');
      expect(sysctl('net/core/somaxconn')).toBe('500');
      expect(readFileSync('/proc/sys/net/core/somaxconn', 'utf8').trim()).not.toBe('500');
      expect(existsSync(backup())).toBe(false);
    });

    test('tuning ADD sets attributes and returns the new MAC address, and DEL restores them', () => {
      const changes = { mac: MAC.toUpperCase(), mtu: 1400, promisc: true, allmulti: true, txQLen: 77 };
      const { json } = ok(call('ADD', changes));
      expect(json.interfaces.map((one: { mac: string }) => one.mac)).toEqual(['02:00:00:00:00:bb', MAC]);
      expect(link()).toMatchObject({ address: MAC, mtu: 1400, promiscuity: 1, txqlen: 77 });
      expect(link().flags).toContain('ALLMULTI');
      ok(call('CHECK', { ...changes, prevResult: json }));
      for (let i = 0; i < 2; i++) {
        ok(call('DEL', changes));
      }
      expect(link()).toMatchObject({ address: before.mac, mtu: 1500, promiscuity: 0, txqlen: 1000 });
      expect(link().flags).not.toContain('ALLMULTI');
      expect(existsSync(backup())).toBe(false);
    });

    test('tuning ADD and DEL keep the permanent neighbours of an interface whose MAC address they set', () => {
      const permanent = () =>
        pod.run('ip', 'neighbour', 'show', 'dev', 'eth0', 'nud', 'permanent').split('\n').sort();
      for (const address of ['169.254.1.1', 'fe80::1', '192.0.2.7']) {
        pod.run('ip', 'neighbour', 'add', address, 'lladdr', MAC, 'dev', 'eth0');
      }
      pod.run('ip', 'neighbour', 'change', '192.0.2.7', 'nud', 'stale', 'dev', 'eth0');
      const added = permanent();
      ok(call('ADD', { mac: '02:00:5e:10:00:02' }));
      expect(permanent()).toEqual(added);
      ok(call('DEL', { mac: '02:00:5e:10:00:02' }));
      expect(permanent()).toEqual(added);
      expect(added.filter((line) => line !== '')).toHaveLength(2);
    });

    test.each(['', '/run/netns/gone'])('tuning DEL without the namespace (%j) removes the backup', (path) => {
      ok(call('ADD', { mtu: 1400 }));
      expect(existsSync(backup())).toBe(true);
      ok(call('DEL', { mtu: 1400 }, { CNI_NETNS: path }));
      expect(existsSync(backup())).toBe(false);
    });

    test('tuning ADD announces a new MAC address in both families', () => {
      ok(call('ADD', { mac: MAC }));
      expect(sysctl('net/ipv4/conf/eth0/arp_notify')).toBe('1');
      expect(sysctl('net/ipv6/conf/eth0/ndisc_notify')).toBe('1');
    });

    test('tuning ADD takes the MAC address from args.cni, then the runtime, CNI_ARGS and mac', () => {
      const mac = (n: number) => `02:00:00:00:01:0${n}`;
      const args = { CNI_ARGS: `MAC=${mac(2)}` };
      const runtimeConfig = { mac: mac(3) };
      const of = (changes: object, more = {}) => ok(call('ADD', changes, more)).json.interfaces[1].mac;
      expect(of({ mac: mac(1) })).toBe(mac(1));
      expect(of({ mac: mac(1) }, args)).toBe(mac(2));
      expect(of({ mac: mac(1), runtimeConfig }, args)).toBe(mac(3));
      expect(of({ mac: mac(1), runtimeConfig, args: { cni: { mac: mac(4) } } }, args)).toBe(mac(4));
    });

    test.each([
      [{ sysctl: { 'kernel.hostname': 'x' } }, 7, /invalid net sysctl key/],
      [{ sysctl: { 'net/../kernel/hostname': 'x' } }, 7, /invalid net sysctl key/],
      [{ sysctl: { 'net.ipv4.no_such': '1' } }, 5, /Cannot set sysctl .*no_such/],
      [{ sysctl: { 'net.core.somaxconn': 1 } }, 7, /tuning configuration/],
      [
        { sysctl: { 'net.core.somaxconn': '1', 'net/core/somaxconn': '2' } },
        7,
        /duplicated sysctl keys are not allowed: net\.core\.somaxconn is 1, and net\/core\/somaxconn is 2/,
      ],
      [{ mac: 'zz' }, 7, /Invalid MAC address/],
      [{ prevResult: undefined, mtu: 1400 }, 7, /Required prevResult missing/],
    ])('tuning ADD rejects %j', (changes, code, msg) => {
      fails(call('ADD', changes), code, msg);
      expect(link().mtu).toBe(1500);
    });

    test('tuning ADD rejects a key that the JSON text of the sysctls has twice, as upstream does', () => {
      const text = JSON.stringify(conf({ sysctl: { 'net.core.somaxconn': '500' } }));
      const twice = text.replace('"net.core.somaxconn"', '"net.core.somaxconn":"400",$&');
      expect(twice).not.toBe(text);
      fails(invoke(env('ADD', 'c1', pod), twice, 'tuning'), 7, /duplicated sysctl keys are not allowed/);
      const inArgs = JSON.stringify(conf({ args: { cni: { sysctl: { 'net.core.somaxconn': '500' } } } }));
      const twiceInArgs = inArgs.replace('"net.core.somaxconn"', '"net.core.somaxconn":"400",$&');
      fails(
        invoke(env('ADD', 'c1', pod), twiceInArgs, 'tuning'),
        7,
        /args\.cni\.sysctl has net\.core\.somaxconn/,
      );
      expect(sysctl('net/core/somaxconn')).not.toBe('500');
      ok(invoke(env('DEL', 'c1', pod), twice, 'tuning'));
      if (isUpstreamPinned) {
        fails(runUpstream(env('ADD', 'c1', pod), twice, 'tuning'), 999, /duplicated sysctl keys/);
      }
    });

    test('tuning ADD takes a sysctl from args.cni before the configuration, however the key is spelled', () => {
      const both = {
        sysctl: { 'net.ipv4.conf.IFNAME.log_martians': '0', 'net/core/somaxconn': '400' },
        args: { cni: { sysctl: { 'net/ipv4/conf/eth0/log_martians': '1', 'net.core.somaxconn': '500' } } },
      };
      ok(call('ADD', both));
      expect([sysctl('net/ipv4/conf/eth0/log_martians'), sysctl('net/core/somaxconn')]).toEqual(['1', '500']);
      ok(call('CHECK', both));
    });

    test('tuning ADD undoes its changes when the kernel rejects one', () => {
      fails(call('ADD', { mtu: 10, mac: MAC, promisc: true }), 999, /./);
      expect(link()).toMatchObject({ address: before.mac, mtu: 1500, promiscuity: 0 });
      expect(existsSync(backup())).toBe(false);
    });

    test('tuning GC removes unlisted backups of its own network only', () => {
      const changes = { cniVersion: '1.1.0', mtu: 1400 };
      ok(call('ADD', changes));
      const gc = (name: string, valid: object[]) =>
        ok(call('GC', { ...changes, name, 'cni.dev/valid-attachments': valid }));
      gc('net', [{ containerID: 'c1', ifname: 'eth0' }]);
      gc('other', []);
      expect(existsSync(backup())).toBe(true);
      gc('net', []);
      expect(existsSync(backup())).toBe(false);
    });

    test('tuning CHECK names the differences', () => {
      const changes = { mtu: 1400, sysctl: { 'net.core.somaxconn': '500' } };
      ok(call('ADD', changes));
      pod.run('ip', 'link', 'set', 'eth0', 'mtu', '1300');
      fails(call('CHECK', changes), 999, /mtu of eth0 is 1300, not 1400/);
      fails(call('CHECK', { sysctl: { 'net.core.somaxconn': '7' } }), 999, /somaxconn is 500, not 7/);
    });

    test.skipIf(!hasUpstream)('tuning and upstream restore each other’s backups', () => {
      const changes = { mac: MAC, mtu: 1400, promisc: true };
      const ours = ok(call('ADD', changes)).json;
      expect(runUpstream(env('DEL', 'c1', pod), conf(changes), 'tuning').exitCode).toBe(0);
      expect(link()).toMatchObject({ address: before.mac, mtu: 1500, promiscuity: 0 });
      const theirs = ok(runUpstream(env('ADD', 'c1', pod), conf(changes), 'tuning')).json;
      expect(comparable(ours)).toEqual(comparable(theirs));
      ok(call('DEL', changes));
      expect(link()).toMatchObject({ address: before.mac, mtu: 1500, promiscuity: 0 });
    });
  },
);

describe.skipIf(!inSandbox)('tuning and the allowlist (needs the sandbox: run npm test at the root)', () => {
  /** Runs ADD with the lines as the node's allowlist. */
  const add = (program: string, key: string, lines: string) => {
    const pod = makePod();
    const conf = { cniVersion: '1.0.0', name: 'n', sysctl: { [key]: '500' }, prevResult: { ips: [] } };
    // The allowlist is in /etc, so mount a private one.
    const script =
      'mount -t tmpfs t /etc; mkdir -p /etc/cni/tuning; printf %s "$LINES" > /etc/cni/tuning/allowlist.conf; exec "$@"';
    try {
      const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', program], {
        env: { PATH: process.env.PATH ?? '', LINES: lines, ...env('ADD', 'c1', pod) },
        input: JSON.stringify(conf),
        encoding: 'utf8',
      });
      return { status, msg: JSON.parse(stdout).msg ?? '', output: stdout + stderr };
    } finally {
      pod.remove();
    }
  };
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync('/run/cnikit-test-');
    symlinkSync(executablePath(), `${dir}/tuning`);
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  test.each([
    ['net.core.somaxconn', 0],
    ['net.core.rmem_max', 1],
  ])('tuning ADD enforces the allowlist for %s', (key, status) => {
    const done = add(`${dir}/tuning`, key, '\n ^net.core.somax.*$ \n');
    expect(done.status, done.output).toBe(status);
    if (status !== 0) {
      expect(done.msg).toMatch(/rmem_max is not allowed.*\^net\.core\.somax\.\*\$/);
    }
  });

  test.each([
    ['^net\\.core\\.[[:alnum:]]+$', true],
    ['^net\\.core\\.[[:^alnum:]]+$', false],
    ['(?i)^NET\\.CORE', true],
    ['(?i:NET)\\.CORE', false],
    ['\\Anet\\.[[:alpha:].]+\\z', true],
    ['\\Acore', false],
    ['^\\pL+\\.\\p{Latin}+\\.\\p{^Greek}+$', true],
    ['^\\PL', false],
    ['\\Qnet.core.\\E', true],
    ['(?m)^net(?s:.)core', true],
    ['no\nsomaxconn\n(?=never read)', true],
  ])('tuning ADD reads the line %j of the allowlist as Go does', (lines, isAllowed) => {
    const programs = [`${dir}/tuning`, ...(hasUpstream ? [`${UPSTREAM_DIR}/tuning`] : [])];
    for (const program of programs) {
      const done = add(program, 'net.core.somaxconn', lines);
      expect(done.status === 0, `${program}: ${done.output}`).toBe(isAllowed);
    }
  });

  test('tuning ADD names the line of the allowlist that is not an expression of RE2', () => {
    const { msg } = add(`${dir}/tuning`, 'net.core.somaxconn', '^x\n(net)\\1\n');
    expect(msg).toMatch(
      /Line "\(net\)\\\\1" of .* is not a regular expression: invalid escape sequence: \\1/,
    );
  });
});
