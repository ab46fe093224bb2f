import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../src/cli/command.ts';
import {
  endAll,
  eventually,
  type LiveNode,
  liveNode,
  nodeObject,
  ownRoutes,
  routesTo,
  run,
} from './live-node.ts';
import { addPod, addRecordedPod, deletePod, hasPlugin, loseNamespace, plugin, status } from './pods.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const bundle = path('../dist/cnikit-agent.js');
/** The bundle if it is built, as in `npm test`; otherwise the sources, which start more slowly. */
const program = existsSync(bundle) ? [bundle] : ['--conditions=@cnikit/source', path('../src/main.ts')];

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'cnikit-agent (needs the sandbox: run npm test at the root)',
  () => {
    let node: LiveNode;
    let flags: string[];
    const cacheDir = () => join(node.dir, 'cache');
    const children = new Set<ChildProcess>();
    beforeEach(async () => {
      node = await liveNode(1, 2, 3);
      flags = [
        ['kubeconfig', node.kubeconfig],
        ['plugin-binary', node.pluginBinary],
        ['cni-bin-dir', node.binDir],
        ['cni-conf-dir', node.confDir],
        ['cni-cache-dir', cacheDir()],
        ['state-dir', join(node.dir, 'state')],
        ['node-name', 'n1'],
      ].map(([name, value]) => `--${name}=${value}`);
    });
    afterEach(async () => {
      await endAll(children);
      children.clear();
      await node.close();
    });

    function start(...more: string[]) {
      const child = spawn(process.execPath, [...program, 'run', ...flags, ...more], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.add(child);
      const log = { text: '' };
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        log.text += chunk;
      });
      const ended = new Promise<[number | null, NodeJS.Signals | null]>((done) => {
        child.on('exit', (code, signal) => done([code, signal]));
      });
      return { child, log, ended };
    }

    /** Runs a command in this process, whose modules are loaded already. */
    async function command(...argv: string[]) {
      const [out, err]: string[][] = [[], []];
      const output = {
        out: (text: string) => void out!.push(text),
        err: (text: string) => void err!.push(text),
      };
      const quiet = argv[0] === 'apply' ? ['--log-level=fatal'] : [];
      const status = await runCommand([...argv, ...quiet], process.env, output, () => AbortSignal.timeout(0));
      return { status, out: out!.join(''), err: err!.join('') };
    }

    // The embedded API server runs in this process, so commands that use it must not block it.
    function runProgram(...argv: string[]): Promise<{ status: number | null; out: string; err: string }> {
      const child = spawn(process.execPath, [...program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
      children.add(child);
      let [out, err] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        out += chunk;
      });
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        err += chunk;
      });
      return new Promise((done) => child.on('close', (status) => done({ status, out, err })));
    }

    const conflist = (): string => join(node.confDir, '05-cnikit.conflist');

    test('cnikit-agent apply makes the changes that plan prints, and plan then prints none', async () => {
      const first = await runProgram('plan', ...flags);
      expect(first).toMatchObject({ status: 3, err: '' });
      expect(first.out).toMatch(/^\+ route 10\.244\.2\.0\/24 via 192\.0\.2\.2 dev eth0$/m);
      expect(first.out).toMatch(
        /^\+ rule inet cnikit-agent postrouting ip saddr @pods4 .* masquerade fully-random$/m,
      );
      expect(first.out).toMatch(/^\+ file .*05-cnikit\.conflist$/m);
      expect(ownRoutes()).toEqual([]);
      expect(run('iptables-save')).not.toContain('CNIKIT');
      expect(existsSync(node.confDir)).toBe(false);

      expect((await runProgram('apply', '--once', ...flags)).status).toBe(0);
      expect(ownRoutes()).toEqual(routesTo(2, 3));
      const nothing = { status: 0, out: 'Nothing to change\n', err: '' };
      expect(await command('plan', ...flags)).toEqual(nothing);

      const other = [...flags, '--packet-filter=iptables'];
      const change = await command('plan', ...other);
      expect(change.out).toMatch(/^- rule inet table cnikit-agent$/m);
      expect(change.out).toMatch(/^\+ rule ipv4 nat CNIKIT-MASQ .*-j MASQUERADE --random-fully$/m);
      expect((await command('apply', ...other)).status).toBe(0);
      expect(await command('plan', ...other)).toEqual(nothing);
      expect((await command('plan', ...flags)).out).toMatch(/^- rule ipv4 nat chain CNIKIT-MASQ$/m);
    });

    test('cnikit-agent apply offers only CNI versions that every chained plugin speaks, and doctor explains it', async () => {
      const chain = join(node.dir, 'chain.json');
      writeFileSync(chain, '[{"type":"mtu"}]');
      mkdirSync(node.binDir, { recursive: true });
      const install = (...versions: string[]): void =>
        writeFileSync(
          join(node.binDir, 'mtu'),
          `#!/bin/sh\necho '${JSON.stringify({ cniVersion: versions.at(-1), supportedVersions: versions })}'\n`,
          { mode: 0o755 },
        );
      const chained = [...flags, `--chain=${chain}`];
      const offered = (): unknown => JSON.parse(readFileSync(conflist(), 'utf8'));

      install('0.4.0', '1.0.0');
      const plan = await command('plan', ...chained);
      expect(plan.err).toContain('The chained plugin mtu speaks CNI 1.0.0 at most');
      expect((await command('apply', ...chained)).status).toBe(0);
      expect(offered()).toMatchObject({ cniVersion: '1.0.0', cniVersions: ['0.4.0', '1.0.0'] });

      install('0.4.0', '1.0.0', '1.1.0');
      await command('apply', ...chained);
      expect(offered()).toMatchObject({ cniVersion: '1.0.0', cniVersions: ['0.4.0', '1.0.0', '1.1.0'] });

      install('0.4.0');
      const { out } = await command('doctor', ...chained);
      expect(out.replace(/\s+/g, ' ')).toContain(
        '05-cnikit.conflist offers CNI 1.1.0, but its plugin mtu speaks 0.4.0 only',
      );
    });

    test('cnikit-agent doctor prints findings with fixes and exits 4 for failures', async () => {
      const first = await runProgram('doctor', ...flags);
      expect(first).toMatchObject({ status: 4, err: '' });
      expect(first.out).toMatch(/^ {2}✗ \S+05-cnikit.conflist\s+does not exist,\s+so/m);
      expect(first.out).toMatch(/^! No agent answers on this node(.|\n)*?\n {2}→ Start the agent/);
      expect(first.out).toMatch(/^\d+ failures, \d+ warnings?\.$/m);
      for (const line of first.out.split('\n')) {
        expect(line.length).toBeLessThanOrEqual(120);
      }
      const { out } = await command('doctor', '--json', ...flags);
      const { node: name, results } = JSON.parse(out) as { node: string; results: { check: string }[] };
      expect(name).toBe('n1');
      expect(results.map(({ check }) => check)).toContain('configuration');
    });

    test('cnikit-agent status shows every node, from the saved state while the API server is unreachable', async () => {
      expect(await command('status', ...flags)).toMatchObject({
        status: 3,
        out: expect.stringMatching(/^n2 +10\.244\.2\.0\/24 +192\.0\.2\.2 +missing/m),
      });
      const { child, ended, log } = start('--health-address=127.0.0.1:9470');
      await eventually(() => expect(log.text).toContain('The data path is programmed'));
      await eventually(() => expect(existsSync(join(node.stateDir, 'state.json'))).toBe(true));
      const { status, out } = await command('status', '--json', ...flags);
      expect(status).toBe(0);
      const report = JSON.parse(out) as { source: string; rows: object[]; agent: object };
      expect(report).toMatchObject({ source: 'api', agent: { ready: true } });
      expect(report.rows[0]).toMatchObject({ node: 'n2', route: 'ok', changed: expect.any(String) });
      child.kill('SIGTERM');
      await ended;
      await node.api.stop();
      const offline = await command('status', ...flags);
      expect(offline.out).toMatch(/Agent: not running, .*\nNodes: from the saved state/);
      await node.api.start();
    });

    test('cnikit-agent status --watch refreshes until a signal', async () => {
      const child = spawn(process.execPath, [...program, 'status', '--watch', '--json', ...flags]);
      children.add(child);
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      await eventually(() => expect(text.trim().split('\n').length).toBeGreaterThan(1));
      node.api.nodes.put(nodeObject(7) as never);
      await eventually(() => expect(text).toContain('10.244.7.0/24'));
      const ended = new Promise((done) => child.on('exit', (code) => done(code)));
      child.kill('SIGINT');
      expect(await ended).toBe(0);
    });

    test('cnikit-agent install writes only the executable and its links, and nothing when repeated', async () => {
      const { status, out } = await command('install', ...flags);
      const files = ['cnikit', 'loopback'];
      const lines = files.map((name) => `+ file ${join(node.binDir, name)}\n`);
      expect({ status, out }).toEqual({ status: 0, out: lines.join('') });
      expect(readdirSync(node.binDir)).toEqual(files);
      expect(existsSync(node.confDir) ? readdirSync(node.confDir) : []).toEqual([]);
      expect(await command('install', ...flags)).toEqual({ status: 0, out: '', err: '' });
    });

    test('cnikit-agent cleanup removes exactly what the agent made, without an API server, and can be repeated', async () => {
      mkdirSync(node.binDir);
      run('ip', 'route', 'add', '198.51.100.0/24', 'via', '192.0.2.78');
      const before = [run('ip', 'route'), run('ip', '-6', 'route')];
      expect((await command('apply', ...flags)).status).toBe(0);
      await node.api.stop();
      run('ip', 'link', 'add', 'cni0', 'type', 'bridge');
      const state = join(node.dir, 'state');
      mkdirSync(state, { recursive: true });
      // An agent that was killed left them.
      for (const name of [
        'state.json.tmp',
        'policy-pods.json.tmp',
        'policy.sock.tmp',
        'readiness.json.tmp',
      ]) {
        writeFileSync(join(state, name), '{');
      }
      const { status, out } = await command('cleanup', ...flags);
      expect(status).toBe(0);
      expect(out).toMatch(/^- route 10\.244\.2\.0\/24 via 192\.0\.2\.2$/m);
      expect(out).toMatch(/^- link cni0$/m);
      expect([run('ip', 'route'), run('ip', '-6', 'route')]).toEqual(before);
      expect(run('iptables-save') + run('ip6tables-save')).not.toContain('CNIKIT');
      expect(run('nft', 'list', 'tables')).not.toContain('cnikit');
      expect([node.binDir, node.confDir, state].flatMap((dir) => readdirSync(dir))).toEqual([]);
      expect(await command('cleanup', ...flags)).toEqual({ status: 0, out: '', err: '' });
      await node.api.start();
    });

    describe.skipIf(!hasPlugin)('cnikit-agent cleanup with pods', () => {
      const withPlugin = () =>
        flags.map((flag) => (flag.startsWith('--plugin-binary=') ? `--plugin-binary=${plugin}` : flag));
      const hostPort = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };
      const files = () =>
        [node.binDir, node.confDir, join(node.stateDir, 'ipam')].flatMap((dir) =>
          existsSync(dir) ? readdirSync(dir) : [],
        );

      beforeEach(async () => {
        node.stateDir = join(node.dir, 'state');
        expect((await command('apply', ...withPlugin())).status).toBe(0);
        addRecordedPod(node, 'daemon', cacheDir(), hostPort);
      });
      afterEach(() => {
        loseNamespace('daemon');
      });

      test('cnikit-agent cleanup waits for pods, lets them end and none start, and then removes everything', async () => {
        const first = await command('cleanup', ...withPlugin());
        expect(first).toMatchObject({ status: 1, out: `~ file ${conflist()}\n` });
        expect(first.err).toContain('! 1 pods still use this network: shop/daemon\n');
        expect(run('ip', '-o', 'link', 'show', 'type', 'veth')).toMatch(/: veth/);
        expect(() => addPod(node, 'late')).toThrow(/"code":11.*cnikit is being removed from this node/);
        loseNamespace('late');
        expect(status(node)).toEqual({ status: 1, code: 50 });
        expect(await command('cleanup', ...withPlugin())).toMatchObject({ status: 1, out: '' });
        run('nft', 'flush', 'ruleset');
        expect(run(plugin, 'restore', '--cache-dir', cacheDir())).toContain('Restored');
        expect(readdirSync('/run/cnikit')).toEqual(['restored']);
        deletePod(node, 'daemon');
        run('ip', 'netns', 'add', 'daemon');
        expect(await command('cleanup', ...withPlugin())).toMatchObject({ status: 0, err: '' });
        expect([...files(), ...readdirSync('/run/cnikit')]).toEqual([]);
        expect(run('ip', '-o', 'link')).not.toMatch(/: (cni0|veth)/);
        expect(run('nft', 'list', 'ruleset')).not.toMatch(/cnikit/i);
      });

      test('cnikit-agent cleanup restores the configuration that an interrupted cleanup removed, so that pods can end', async () => {
        rmSync(conflist());
        rmSync(join(node.binDir, 'cnikit'));
        expect((await command('cleanup', ...withPlugin())).status).toBe(1);
        deletePod(node, 'daemon');
        run('ip', 'netns', 'add', 'daemon');
        expect(await command('cleanup', ...withPlugin())).toMatchObject({ status: 0, err: '' });
        expect(files()).toEqual([]);
        expect(run('nft', 'list', 'ruleset')).not.toMatch(/cnikit/i);
      });

      test('cnikit-agent cleanup leaves the configuration of the next network alone while it waits', async () => {
        rmSync(conflist());
        writeFileSync(join(node.confDir, '10-next.conflist'), '{"name":"next","plugins":[{"type":"next"}]}');
        expect((await command('cleanup', ...withPlugin())).status).toBe(1);
        expect(existsSync(conflist())).toBe(false);
        loseNamespace('daemon');
        await eventually(() => expect(run('ip', '-o', 'link', 'show', 'type', 'veth')).not.toMatch(/: veth/));
        run('ip', 'netns', 'add', 'daemon');
        expect(await command('cleanup', ...withPlugin())).toMatchObject({ status: 0, err: '' });
        expect(readdirSync(node.confDir)).toEqual(['10-next.conflist']);
        expect(run('nft', 'list', 'ruleset')).not.toMatch(/cnikit/i);
      });

      test('cnikit-agent cleanup --force detaches pods that the runtime cannot end', async () => {
        const done = await command('cleanup', ...withPlugin(), '--force');
        expect(done).toMatchObject({ status: 0, err: '' });
        expect(done.out).toContain('- address 10.244.1.2 of shop/daemon\n');
        expect(files()).toEqual([]);
        expect(run('ip', '-o', 'link')).not.toMatch(/: (cni0|veth)/);
        expect(run('nft', 'list', 'ruleset')).not.toMatch(/cnikit/i);
      });
    });

    test.each(['SIGTERM', 'SIGINT'] as const)(
      'cnikit-agent run exits 0 on %s and keeps the data path',
      async (signal) => {
        const { child, ended, log } = start('--health-address=127.0.0.1:0');
        await eventually(() => expect(existsSync(conflist())).toBe(true));
        await eventually(() => expect(log.text).toContain('The data path is programmed'));
        child.kill(signal);
        expect(await ended).toEqual([0, null]);
        expect(ownRoutes()).toEqual(routesTo(2, 3));
        expect(existsSync(conflist())).toBe(true);
      },
    );

    test('cnikit-agent run goes on when its log cannot be written', async () => {
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [...program, 'run', ...flags, '--health-address=off'], {
        stdio: ['ignore', full, 'inherit'],
      });
      closeSync(full);
      children.add(child);
      const ended = once(child, 'exit');
      await eventually(() => expect(existsSync(conflist())).toBe(true));
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    });

    test('cnikit-agent run sets NetworkUnavailable to False', async () => {
      start('--health-address=off');
      await eventually(() => {
        const { conditions } = node.api.nodes.get('n1')!.status as {
          conditions: Array<{ type: string; status: string }>;
        };
        expect(conditions).toContainEqual(
          expect.objectContaining({ type: 'NetworkUnavailable', status: 'False' }),
        );
      });
    });

    test('cnikit-agent run works from the saved state while the API server is unreachable, and catches up afterwards', async () => {
      const first = start('--health-address=off');
      await eventually(() => expect(first.log.text).toContain('The data path is programmed'));
      first.child.kill('SIGTERM');
      await first.ended;
      await node.api.stop();
      run('ip', 'route', 'flush', 'proto', '201');
      const second = start('--health-address=off');
      await eventually(() => expect(second.log.text).toContain('The API server does not answer'));
      expect(ownRoutes()).toEqual(routesTo(2, 3));
      node.api.nodes.delete('n3');
      await node.api.start();
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2)));
    });

    test('cnikit-agent run completes the node after a previous run was killed', async () => {
      for (const moment of ['Starting cnikit-agent', 'The data path is programmed']) {
        const { child, ended, log } = start('--health-address=off');
        await eventually(() => expect(log.text).toContain(moment));
        child.kill('SIGKILL');
        await ended;
      }
      node.api.nodes.put(nodeObject(4) as never);
      start('--health-address=off');
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3, 4)));
      await eventually(() => expect(existsSync(conflist())).toBe(true));
      expect(readdirSync(node.confDir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });

    test.skipIf(!hasPlugin)('cnikit-agent run repairs a damaged plugin', async () => {
      const { log } = start('--health-address=off', `--plugin-binary=${plugin}`);
      await eventually(() => expect(log.text).toContain('The data path is programmed'));
      const installed = join(node.binDir, 'cnikit');
      const runs = () => spawnSync(installed, { env: { CNI_COMMAND: 'VERSION' } }).status === 0;
      expect(runs()).toBe(true);
      // Half of it, as a copy that was interrupted leaves.
      const whole = readFileSync(installed);
      rmSync(installed);
      writeFileSync(installed, whole.subarray(0, whole.length >> 1), { mode: 0o755 });
      await eventually(() => expect(runs()).toBe(true));
      expect(readFileSync(installed).equals(whole)).toBe(true);
    });

    test.skipIf(!hasPlugin)(
      'the plugin returns STATUS 50 after a reboot until the agent is ready, but still attaches pods',
      async () => {
        const more = ['--health-address=off', `--plugin-binary=${plugin}`];
        const before = start(...more);
        await eventually(() => expect(before.log.text).toContain('The data path is programmed'));
        await eventually(() => expect(status(node)).toEqual({ status: 0, code: undefined }));
        addPod(node, 'pod-before');
        before.child.kill('SIGKILL');
        await before.ended;
        // The state after a boot: files on disk, nothing in the tmpfs, no pod, no link.
        loseNamespace('pod-before');
        await eventually(() => expect(run('ip', '-o', 'link', 'show', 'type', 'veth')).not.toMatch(/: veth/));
        rmSync(node.stateDir, { recursive: true });
        expect(existsSync(conflist())).toBe(true);
        expect(status(node)).toEqual({ status: 1, code: 50 });
        // A runtime that does not ask, or that is too old to, has its pods served: with addresses from the beginning.
        addPod(node, 'pod-after');
        expect(readdirSync(join(node.stateDir, 'ipam/cnikit'))).toContain('10.244.1.2');
        expect(status(node)).toEqual({ status: 1, code: 50 });
        const { log } = start(...more);
        await eventually(() => expect(log.text).toContain('The data path is programmed'));
        await eventually(() => expect(status(node)).toEqual({ status: 0, code: undefined }));
        expect(readdirSync(join(node.stateDir, 'ipam/cnikit'))).toContain('10.244.1.2');
        deletePod(node, 'pod-after');
      },
    );

    test.skipIf(!hasPlugin)(
      'cnikit-agent run releases a leaked address while a container runtime listens',
      async () => {
        const socket = join(node.dir, 'runtime.sock');
        const more = [`--plugin-binary=${plugin}`, '--leak-grace=1', '--resync-interval=1'];
        const { log } = start('--health-address=off', ...more, `--runtime-socket=${socket}`);
        await eventually(() => expect(log.text).toContain('The data path is programmed'));
        addRecordedPod(node, 'pod-lost', cacheDir());
        const reservation = join(node.stateDir, 'ipam/cnikit/10.244.1.2');
        expect(existsSync(reservation)).toBe(true);
        loseNamespace('pod-lost');
        const runtime = createServer();
        await new Promise<void>((done) => runtime.listen(socket, done));
        await eventually(() => expect(existsSync(reservation)).toBe(false));
        await eventually(() =>
          expect(log.text).toMatch(/"- reservation of 10.244.1.2 .*for pod shop\/pod-lost,/),
        );
        runtime.close();
      },
    );

    test.skipIf(!hasPlugin)(
      'cnikit-agent run restores the files of an emptied, deleted or blocked state directory, and STATUS and /readyz agree',
      async () => {
        const { log } = start(
          '--health-address=127.0.0.1:9470',
          `--plugin-binary=${plugin}`,
          '--resync-interval=1',
        );
        await eventually(() => expect(log.text).toContain('The data path is programmed'));
        const [readiness, saved] = ['readiness.json', 'state.json'].map((name) => join(node.stateDir, name));
        const healthy = (): void => {
          expect(JSON.parse(readFileSync(readiness!, 'utf8'))).toEqual({ ready: true });
          expect(JSON.parse(readFileSync(saved!, 'utf8'))).toMatchObject({ node: 'n1' });
          expect(status(node)).toEqual({ status: 0, code: undefined });
        };
        await eventually(healthy);
        for (const path of [readiness!, saved!]) {
          rmSync(path);
        }
        await eventually(healthy);
        writeFileSync(readiness!, '{}');
        await eventually(healthy);
        renameSync(node.stateDir, `${node.stateDir}.old`);
        await eventually(healthy);
        rmSync(readiness!);
        await eventually(healthy);
        expect((await fetch('http://127.0.0.1:9470/readyz')).status).toBe(200);

        run('mount', '-t', 'tmpfs', '-o', 'ro', 'blocked', node.stateDir);
        await eventually(() => expect(log.text).toContain(`Cannot write ${readiness}`));
        expect(status(node)).toEqual({ status: 1, code: 50 });
        const blocked = await fetch('http://127.0.0.1:9470/readyz');
        expect([blocked.status, await blocked.text()]).toEqual([
          503,
          expect.stringContaining(`Cannot write ${readiness}`),
        ]);
        run('umount', node.stateDir);
        await eventually(healthy);
        await eventually(async () => expect((await fetch('http://127.0.0.1:9470/readyz')).status).toBe(200));
      },
    );

    test('cnikit-agent run recreates a deleted configuration directory and follows it again', async () => {
      const { log } = start('--health-address=off');
      await eventually(() => expect(log.text).toContain('The data path is programmed'));
      const content = readFileSync(conflist(), 'utf8');
      for (let i = 0; i < 2; i++) {
        renameSync(node.confDir, `${node.confDir}.${i}`);
        await eventually(() => expect(readFileSync(conflist(), 'utf8')).toBe(content));
        rmSync(conflist());
        await eventually(() => expect(readFileSync(conflist(), 'utf8')).toBe(content));
      }
    });

    test('cnikit-agent run exits when the directory under a mount was deleted', async () => {
      const source = join(node.dir, 'host-state');
      for (const dir of [source, node.stateDir]) {
        mkdirSync(dir, { recursive: true });
      }
      run('mount', '--bind', source, node.stateDir);
      try {
        const { log, ended } = start('--health-address=off', '--resync-interval=1');
        await eventually(() => expect(existsSync(join(source, 'state.json'))).toBe(true));
        rmSync(source, { recursive: true });
        expect(await ended).toEqual([1, null]);
        expect(log.text).toContain('Shutting down');
      } finally {
        run('umount', node.stateDir);
      }
    });

    test('cnikit-agent run serves health at --health-address, and continues if the port is taken', async () => {
      const first = start('--health-address=127.0.0.1:9470');
      await eventually(() => expect(first.log.text).toContain('The data path is programmed'));
      await eventually(async () => expect((await fetch('http://127.0.0.1:9470/readyz')).status).toBe(200));
      const metrics = await (await fetch('http://127.0.0.1:9470/metrics')).text();
      for (const line of [
        'cnikit_agent_ready 1',
        'cnikit_agent_routes 4',
        'cnikit_agent_routes_desired 4',
        'cnikit_agent_ipam_addresses{range="10.244.1.0/24",state="free"} 253',
        'cnikit_agent_leak_collector_active 0',
        'cnikit_agent_drift_repairs_total 0',
      ]) {
        expect(metrics.split('\n')).toContain(line);
      }
      const readiness = readFileSync(join(node.stateDir, 'readiness.json'), 'utf8');
      expect(JSON.parse(readiness)).toEqual({ ready: true });
      const second = start('--health-address=127.0.0.1:9470');
      await eventually(() => expect(second.log.text).toMatch(/EADDRINUSE.*--health-address/));
      await eventually(() => expect(second.log.text).toContain('The data path is programmed'));
    });
  },
);

describe('cnikit-agent', () => {
  test.each([
    [['version'], 0, /^(development|\d+\.\d+\.\d+)\n$/, /^$/],
    [['--help'], 0, /Usage: cnikit-agent/, /^$/],
    [['plan'], 2, /^$/, /^cnikit-agent: Missing node name: set NODE_NAME/],
    [
      ['run', '--node-name=n1', '--plugin-binary=/nonexistent', '--kubeconfig=/nonexistent'],
      2,
      /^$/,
      /Cannot read the kubeconfig \/nonexistent/,
    ],
  ])('cnikit-agent %j exits with the documented status', (argv, status, out, err) => {
    const env = { PATH: process.env.PATH ?? '' };
    const result = spawnSync(process.execPath, [...program, ...argv], { encoding: 'utf8', env });
    expect(result.status).toBe(status);
    expect(result.stdout).toMatch(out);
    expect(result.stderr).toMatch(err);
  });
});
