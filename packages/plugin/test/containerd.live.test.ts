/** Runs the commands of docs/drop-in.md verbatim, on a node with containerd and containers. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addressesOf,
  askContainer,
  type Container,
  type Containerd,
  startContainerd,
  whyNoContainerd,
} from './containerd.ts';
import { inSandbox } from './harness.ts';
import { UPSTREAM_DIR } from './invoke.ts';
import { hostVeths, ipJson, run } from './namespaces.ts';

const NETWORK = 'pods';
const STATE = '/var/lib/cni/networks/pods';
const root = new URL('../../..', import.meta.url).pathname;
const page = readFileSync(new URL('../../../docs/drop-in.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map((match) => match[1] as string);
const [keep, doSwitch, back, version, manualPod] = blocks as [string, string, string, string, string];

const why = inSandbox
  ? existsSync(`${UPSTREAM_DIR}/portmap`)
    ? whyNoContainerd()
    : 'the upstream plugins in /usr/lib/cni'
  : 'the sandbox: run npm test at the root';

describe.skipIf(why !== undefined)(
  `docs/drop-in.md on containerd${why === undefined ? '' : ` (needs ${why})`}`,
  () => {
    let containerd: Containerd;
    /** Where `cnikit-cni` is. */
    let bin: string;
    const running: Container[] = [];
    const shell = (script: string): string => {
      const done = spawnSync('sh', ['-ec', script], {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, NETWORK, PATH: `${bin}:${process.env.PATH}` },
      });
      expect([done.status, done.stderr], script).toEqual([0, '']);
      return done.stdout;
    };
    const start = async (id: string, network = true) => {
      const made = await containerd.start(id, network);
      running.push(made);
      return made;
    };
    const isOurs = () =>
      existsSync('/opt/cni/bin/cnikit') && readlinkSync('/opt/cni/bin/bridge') === 'cnikit';
    const held = () => readdirSync(STATE).filter((name) => name.startsWith('10.'));

    /** ctr passes no namespace to DEL, and the kernel removes a namespace's links some time after its last process. */
    const left = (what: () => unknown) => expect.poll(what, { timeout: 30_000, interval: 50 });

    beforeAll(async () => {
      cpSync(UPSTREAM_DIR, '/opt/cni/bin', { recursive: true });
      mkdirSync('/etc/cni/net.d', { recursive: true });
      writeFileSync(
        '/etc/cni/net.d/10-pods.conflist',
        JSON.stringify({
          cniVersion: '1.0.0',
          name: NETWORK,
          plugins: [
            {
              type: 'bridge',
              bridge: 'cni0',
              isDefaultGateway: true,
              ipMasq: true,
              ipam: { type: 'host-local', subnet: '10.89.0.0/24' },
            },
            { type: 'tuning', sysctl: { 'net.core.somaxconn': '300' } },
            { type: 'bandwidth', egressRate: 8_000_000, egressBurst: 8_000_000 },
            { type: 'portmap', capabilities: { portMappings: true } },
          ],
        }),
      );
      bin = mkdtempSync('/run/cnikit-bin-');
      const cli = `exec "${process.execPath}" --conditions=@cnikit/source "${root}packages/cni/src/cli.ts" "$@"`;
      writeFileSync(`${bin}/cnikit-cni`, `#!/bin/sh\n${cli}\n`, { mode: 0o755 });
      containerd = await startContainerd(mkdtempSync('/run/cnikit-containerd-'));
    });
    afterAll(async () => {
      for (const one of running) {
        await one.remove().catch(() => undefined);
      }
      await containerd?.stop();
      // Suites that run later look for plugins in the same folder, and use a bridge of the same name.
      for (const folder of ['/opt/cni/bin', '/etc/cni/net.d']) {
        for (const name of readdirSync(folder)) {
          rmSync(`${folder}/${name}`, { recursive: true });
        }
      }
      for (const { ifname } of ipJson('link', 'show', 'type', 'bridge')) {
        run('ip', 'link', 'del', ifname);
      }
    });

    test('containers survive the switch to cnikit and back, and each side deletes the other’s', async () => {
      const before = await start('before');
      shell(keep);
      shell(doSwitch);
      expect(isOurs()).toBe(true);
      expect(JSON.parse(shell(version)).supportedVersions).toContain('1.1.0');

      const after = await start('after');
      const [of, to] = [addressesOf(before)[0] as string, addressesOf(after)[0] as string];
      expect([of, to]).toEqual(['10.89.0.2', '10.89.0.3']);
      expect([await askContainer(of), await askContainer(to)]).toEqual(['before', 'after']);
      run('nsenter', '-t', `${before.pid}`, '-n', 'ping', '-c', '1', '-w', '30', to);
      expect(run('nsenter', '-t', `${after.pid}`, '-n', 'cat', '/proc/sys/net/core/somaxconn').trim()).toBe(
        '300',
      );
      await before.remove();
      await left(() => [held(), hostVeths().length]).toEqual([[to], 1]);

      expect(shell(manualPod)).toMatch(/10\.89\.0\.4/);
      shell(back);
      expect(isOurs()).toBe(false);
      expect(await askContainer(to)).toBe('after');
      await after.remove();
      await left(() => [held(), ipJson('link').map(({ ifname }) => ifname)]).toEqual([[], ['lo', 'cni0']]);
      // Without the namespace, upstream leaves its own rules of ipMasq.
      expect(run('nft', 'list', 'ruleset')).not.toContain('cnikit');
      run('nft', 'flush', 'ruleset');
    });

    test('a host port reaches a container until it is removed', async () => {
      shell(doSwitch);
      const made = await start('ports', false);
      const netns = `/proc/${made.pid}/ns/net`;
      const ports = JSON.stringify({
        portMappings: [{ hostPort: 18080, containerPort: 8080, protocol: 'tcp' }],
      });
      const call = (verb: string) =>
        shell(`cnikit-cni ${verb} ${NETWORK} ${netns} --container-id ports --cap-args '${ports}'`);
      call('add');
      expect(await askContainer('10.89.0.1', 18080)).toBe('ports');
      call('check');
      call('del');
      await made.remove();
      await left(() => [held(), hostVeths()]).toEqual([[], []]);
      expect(run('nft', 'list', 'ruleset')).not.toContain('18080');
    });
  },
);
