/** Pods of containerd by the container runtime interface (CRI) alone: the verbs that it calls, and what it passes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerdPrograms } from '../../../upstream-plugins.ts';
import { executablePath } from '../src/executable-path.ts';
import { until, whyNoContainerd } from './containerd.ts';
import { Cri } from './cri.ts';
import { inSandbox } from './harness.ts';
import { hostVeths, ipJson, run } from './namespaces.ts';

/** Folder of containerd 2.4.2, or undefined for Debian's. */
const programs = containerdPrograms();
const PATH = [...(programs === undefined ? [] : [programs]), process.env.PATH].join(':');
const why = inSandbox ? whyNoContainerd() : 'the sandbox: run npm test at the root';
const BRIDGE = 'cri0';
const CGROUPS = '/sys/fs/cgroup';
const CGROUP = `/cnikit-cri-${process.pid}`;

/** One call of the plugin, as {@link recorder} wrote it. */
interface Call {
  command: string;
  containerID: string;
  netns: string;
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the test reads many shapes of configuration
  stdin: any;
  stdout: string;
}

/** Returns a script that runs the plugin and records the call. Absent variables become `unset`. */
const recorder = (dir: string) => `#!/bin/sh
input=$(cat)
output=$(printf %s "$input" | ${dir}/plugin/cnikit)
status=$?
call=${dir}/calls/$(date +%s%N).$$
mkdir $call.new
printf %s "$input" > $call.new/stdin
printf %s "$output" > $call.new/stdout
printf '%s\\n' "$CNI_COMMAND" "\${CNI_CONTAINERID-unset}" "\${CNI_NETNS-unset}" $status > $call.new/env
mv $call.new $call
printf %s "$output"
exit $status
`;

/** Returns a runc without resource limits: the sandbox's control groups have no controllers. */
const unlimitedRunc = () => `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const args = process.argv.slice(2);
const bundle = args[args.indexOf('--bundle') + 1];
if (args.includes('create')) {
  const config = JSON.parse(readFileSync(bundle + '/config.json', 'utf8'));
  delete config.linux.resources;
  writeFileSync(bundle + '/config.json', JSON.stringify(config));
}
const done = spawnSync('${programs === undefined ? 'runc' : `${programs}/runc`}', args, { stdio: 'inherit' });
process.exit(done.status ?? 1);
`;

/** Writes an image with one static program, as \`docker save\` does. */
function writePauseImage(dir: string): string {
  const layer = `${dir}/image/layer`;
  mkdirSync(layer, { recursive: true });
  writeFileSync(`${dir}/pause.c`, '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n');
  run('musl-gcc', '-static', '-O2', '-o', `${layer}/pause`, `${dir}/pause.c`);
  run('tar', '-C', layer, '-cf', `${dir}/image/layer.tar`, '.');
  const id = createHash('sha256')
    .update(readFileSync(`${dir}/image/layer.tar`))
    .digest('hex');
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: ['/pause'], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${id}`] },
  };
  const manifest = [{ Config: 'config.json', RepoTags: ['localhost/pause:1'], Layers: ['layer.tar'] }];
  writeFileSync(`${dir}/image/config.json`, JSON.stringify(config));
  writeFileSync(`${dir}/image/manifest.json`, JSON.stringify(manifest));
  run('tar', '-C', `${dir}/image`, '-cf', `${dir}/pause.tar`, 'manifest.json', 'config.json', 'layer.tar');
  return `${dir}/pause.tar`;
}

function configuration(dir: string): string {
  const common = `root = "${dir}/root"\nstate = "${dir}/state"\n[grpc]\n  address = "${dir}/containerd.sock"\n`;
  if (programs === undefined) {
    return `version = 2
${common}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "${dir}/runc"
`;
  }
  return `version = 3
${common}
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "native"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "localhost/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "${dir}/runc"
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/opt/cni/bin"]
    conf_dir = "/etc/cni/net.d"
`;
}

describe.skipIf(why !== undefined)(
  `pods of containerd by CRI${why === undefined ? '' : ` (needs ${why})`}`,
  () => {
    let dir: string;
    let daemon: ChildProcess;
    let cri: Cri;
    const ended = async () => daemon.exitCode === null && daemon.signalCode === null && once(daemon, 'exit');
    const calls = (): Call[] =>
      readdirSync(`${dir}/calls`)
        .filter((name) => !name.endsWith('.new'))
        .sort()
        .map((name) => {
          const read = (file: string) => readFileSync(`${dir}/calls/${name}/${file}`, 'utf8');
          const [command = '', containerID = '', netns = '', status] = read('env').split('\n');
          const stdin = JSON.parse(read('stdin') || '{}');
          return { command, containerID, netns, status: Number(status), stdin, stdout: read('stdout') };
        });
    const callsOf = (command: string) => calls().filter((call) => call.command === command);
    const held = () => readdirSync(`${dir}/ipam/pods`).filter((name) => /^(10\.|fd)/.test(name));
    const plugin = (command: string, containerID: string, netns: string, conf: object) =>
      spawnSync(`${dir}/plugin/cnikit`, {
        env: {
          CNI_COMMAND: command,
          CNI_CONTAINERID: containerID,
          CNI_NETNS: netns,
          CNI_IFNAME: 'eth0',
          PATH,
        },
        input: JSON.stringify(conf),
        encoding: 'utf8',
      });

    beforeAll(async () => {
      dir = mkdtempSync('/run/cnikit-cri-');
      for (const folder of [`${dir}/plugin`, `${dir}/calls`, '/etc/cni/net.d', '/opt/cni/bin']) {
        mkdirSync(folder, { recursive: true });
      }
      copyFileSync(executablePath(), `${dir}/plugin/cnikit`);
      writeFileSync('/opt/cni/bin/cnikit', recorder(dir), { mode: 0o755 });
      copyFileSync(executablePath(), '/opt/cni/bin/loopback');
      writeFileSync(`${dir}/runc`, unlimitedRunc(), { mode: 0o755 });
      // The sandbox has a fresh /sys without cgroups.
      run('mount', '-t', 'cgroup2', 'none', CGROUPS);
      const ranges = [[{ subnet: '10.86.0.0/24' }], [{ subnet: 'fd86::/64' }]];
      writeFileSync(
        '/etc/cni/net.d/10-pods.conflist',
        JSON.stringify({
          cniVersion: programs === undefined ? '1.0.0' : '1.1.0',
          name: 'pods',
          plugins: [
            {
              type: 'cnikit',
              bridge: BRIDGE,
              isDefaultGateway: true,
              ipMasq: true,
              ipam: { type: 'host-local', dataDir: `${dir}/ipam`, ranges },
              capabilities: {
                portMappings: true,
                bandwidth: true,
                'io.kubernetes.cri.pod-annotations': true,
              },
            },
          ],
        }),
      );
      writeFileSync(`${dir}/containerd.toml`, configuration(dir));
      daemon = spawn(
        `${programs === undefined ? '' : `${programs}/`}containerd`,
        ['--config', `${dir}/containerd.toml`],
        {
          env: { ...process.env, PATH },
          stdio: 'ignore',
        },
      );
      const socket = `${dir}/containerd.sock`;
      const ctr = (...argv: string[]) =>
        spawnSync('ctr', ['-a', socket, '-n', 'k8s.io', ...argv], {
          env: { ...process.env, PATH },
          encoding: 'utf8',
        });
      await until('containerd answers', () => ctr('version').status === 0);
      const local = programs === undefined ? [] : ['--local'];
      const imported = ctr('images', 'import', ...local, '--snapshotter', 'native', writePauseImage(dir));
      if (imported.status !== 0) {
        throw new Error(`ctr images import: ${imported.stderr}`);
      }
      cri = new Cri(socket);
      await until('containerd serves CRI', async () => (await cri.status()).includes('NetworkReady'));
    });
    afterAll(async () => {
      daemon?.kill();
      await ended();
      if (existsSync(`${CGROUPS}${CGROUP}`)) {
        rmdirSync(`${CGROUPS}${CGROUP}`);
      }
      run('umount', CGROUPS);
      for (const folder of ['/opt/cni/bin', '/etc/cni/net.d']) {
        for (const name of readdirSync(folder)) {
          rmSync(`${folder}/${name}`, { recursive: true });
        }
      }
      for (const { ifname } of ipJson('link', 'show', 'type', 'bridge')) {
        run('ip', 'link', 'del', ifname);
      }
      rmSync(dir, { recursive: true });
    });

    test('containerd calls ADD, STATUS and DEL twice, and nothing of the pod is left', async () => {
      const id = await cri.run({
        name: 'web',
        cgroupParent: CGROUP,
        annotations: {
          'kubernetes.io/ingress-bandwidth': '10M',
          'kubernetes.io/egress-bandwidth': '10M',
          'cnikit.io/foreign-source-addresses': 'true',
        },
        ports: [
          { protocol: 'TCP', containerPort: 80, hostPort: 18080 },
          { protocol: 'UDP', containerPort: 53, hostPort: 15353 },
        ],
      });
      const [add, ...more] = callsOf('ADD');
      expect([add?.containerID, add?.status, more]).toEqual([id, 0, []]);
      const { prevResult: _none, ...conf } = add?.stdin ?? {};
      expect(conf.runtimeConfig).toMatchObject({
        portMappings: [
          { HostPort: 18080, ContainerPort: 80, Protocol: 'tcp', HostIP: '' },
          { HostPort: 15353, ContainerPort: 53, Protocol: 'udp', HostIP: '' },
        ],
        bandwidth: { IngressRate: 10_000_000, EgressRate: 10_000_000 },
        'io.kubernetes.cri.pod-annotations': { 'cnikit.io/foreign-source-addresses': 'true' },
      });
      const prevResult = JSON.parse(add?.stdout ?? '');
      expect(held()).toHaveLength(2);
      for (const port of ['18080', '15353']) {
        expect(run('nft', 'list', 'ruleset')).toContain(port);
      }
      expect(ipJson('link', 'show', 'type', 'ifb')).toHaveLength(1);
      const netns = add?.netns ?? '';
      const check = () => plugin('CHECK', id, netns, { ...conf, prevResult });
      expect(check()).toMatchObject({ status: 0, stdout: '' });

      if (programs !== undefined) {
        await expect
          .poll(() => callsOf('STATUS').length, { timeout: 30_000, interval: 100 })
          .toBeGreaterThan(0);
        expect(callsOf('STATUS')[0]).toMatchObject({ containerID: '', netns: '', status: 0, stdout: '' });
      }
      const valid = [{ containerID: id, ifname: 'eth0' }];
      const gc = (list: object[]) =>
        plugin('GC', '', '', { ...conf, cniVersion: '1.1.0', 'cni.dev/valid-attachments': list });
      expect(gc(valid)).toMatchObject({ status: 0, stdout: '' });
      expect(check()).toMatchObject({ status: 0, stdout: '' });

      await cri.stop(id);
      await cri.remove(id);
      const dels = callsOf('DEL');
      expect(dels.length).toBeGreaterThanOrEqual(2);
      expect(dels[0]).toMatchObject({ containerID: id, netns, status: 0 });
      expect(dels[0]?.stdin.prevResult.ips).toEqual(prevResult.ips);
      const last = dels.at(-1);
      expect([last?.netns, last?.stdin.prevResult, last?.status]).toEqual(['', undefined, 0]);

      const left = () => [...held(), ...hostVeths(), ...ipJson('link', 'show', 'type', 'ifb')];
      await expect.poll(left, { timeout: 30_000, interval: 50 }).toEqual([]);
      expect(run('nft', 'list', 'ruleset')).not.toMatch(/18080|15353|10\.86\.0|fd86:/);
      expect(gc([])).toMatchObject({ status: 0, stdout: '' });
      expect(existsSync(netns)).toBe(false);
    });
  },
);
