/** Sysctls as in a container without privileges, where /proc/sys is read-only. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { procSys, writeSysctls } from '../src/apply/sysctls.ts';
import type { DesiredHost } from '../src/desired/desired-host.ts';
import { HostReconciler } from '../src/reconcile/host-reconciler.ts';

const root = '/run/sysctl-readonly';

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'HostReconciler and sysctls (needs the sandbox: run npm test at the root)',
  () => {
    test('writeSysctls() writes settings of a link where /proc/sys is read-only', () => {
      const argv = ['link', 'add', 'filtered0', 'type', 'veth', 'peer', 'name', 'filtered1'];
      execFileSync('ip', argv);
      const keys = ['rp_filter', 'forwarding'].map((name) => `net/ipv4/conf/filtered0/${name}`);
      const files = procSys();
      files.write(keys[0]!, '1');
      files.write(keys[1]!, '0');
      // A bind mount of the directory itself, as runtimes make it.
      execFileSync('mount', ['--bind', '/proc/sys/net', '/proc/sys/net']);
      execFileSync('mount', ['-o', 'remount,bind,ro', '/proc/sys/net']);
      try {
        const actions = keys.map(
          (key, i) => ({ kind: 'sysctl', key, from: '', to: i === 0 ? '2' : '1', why: '' }) as const,
        );
        expect([...writeSysctls([...actions, { ...actions[0]!, key: 'net/ipv4/ip_forward' }])]).toEqual([
          ['net/ipv4/ip_forward', 'EROFS'],
        ]);
        expect(keys.map((key) => files.read(key))).toEqual(['2', '1']);
      } finally {
        execFileSync('umount', ['/proc/sys/net']);
        execFileSync('ip', ['link', 'delete', 'filtered0']);
      }
    });

    test('HostReconciler leaves settings that it cannot write to the plugin, and reports them only if that did not help', () => {
      for (const argv of [
        ['mkdir', '-p', root],
        ['mount', '-t', 'tmpfs', 'tmpfs', root],
        [
          'sh',
          '-c',
          `cd ${root} && mkdir -p net/ipv4 && echo 0 >net/ipv4/ip_forward && echo 1 >net/ipv4/right && echo 1 >net/ipv4/link`,
        ],
        ['mount', '-o', 'remount,ro', root],
      ]) {
        execFileSync(argv[0]!, argv.slice(1));
      }
      const host = new HostReconciler({
        rules: undefined as never,
        cni: undefined as never,
        sysctls: procSys(root),
      });
      const sysctls = [
        { key: 'net/ipv4/ip_forward', value: '1', why: 'packets pass' },
        { key: 'net/ipv4/right', value: '1', why: '' },
        { key: 'net/bridge/absent', value: '1', why: '' },
        { key: 'net/ipv4/link', value: '1', transient: true as const, why: '' },
        { key: 'net/ipv4/right', value: '2', onlyIf: '0', why: '' },
      ];
      expect(host.leftToPlugin(sysctls)).toEqual({ 'net/ipv4/ip_forward': '1', 'net/ipv4/right': '1' });
      const desired = { sysctls } as unknown as DesiredHost;
      // It is the plugin's turn first, then that of its next pod.
      for (const pods of [false, false]) {
        expect(host.sysctls(desired, pods)).toMatchObject({ done: [], problems: [] });
      }
      const { problems } = host.sysctls(desired, true);
      expect(problems.map(({ message }) => message)).toEqual([
        expect.stringMatching(
          /ip_forward is 0, not 1: packets pass\. The agent cannot write it \(EROFS\).*`sysctl -w net\.ipv4\.ip_forward=1`/,
        ),
      ]);
      execFileSync('umount', [root]);
    });
  },
);
