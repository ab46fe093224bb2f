/** `cnikit-agent run --network-policy` as a process. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endAll, eventually, makeLink, nodeObject, removeLink } from './live-node.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const bundle = path('../dist/cnikit-agent.js');
/** The bundle if it is built, as in `npm test`; otherwise the sources, which start more slowly. */
const program = existsSync(bundle) ? [bundle] : ['--conditions=@cnikit/source', path('../src/main.ts')];
const tables = (): string => spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' }).stdout;
const BASE = readFileSync(path('../../../deploy/base/rbac.yaml'), 'utf8');
const OVERLAY = readFileSync(path('../../../deploy/overlays/network-policy/rbac.yaml'), 'utf8');

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('cnikit-agent run with NetworkPolicies', () => {
  let dir: string;
  let api: ApiServer;
  let flags: string[];
  const children = new Set<ChildProcess>();
  beforeEach(() => {
    dir = mkdtempSync('/run/cnikit-policy-');
    makeLink();
  });
  afterEach(async () => {
    await endAll(children);
    children.clear();
    await api.close();
    removeLink();
    spawnSync('nft', ['flush', 'ruleset']);
    rmSync(dir, { recursive: true });
  });

  async function serve(rbac: string): Promise<void> {
    const [rbacFile, kubeconfig, plugin] = ['rbac.yaml', 'kubeconfig', 'plugin'].map((name) =>
      join(dir, name),
    );
    writeFileSync(rbacFile!, rbac);
    api = await startApiServer({ rbacFile: rbacFile!, nodes: [nodeObject(1)] as never });
    writeFileSync(kubeconfig!, api.kubeconfig());
    writeFileSync(plugin!, '#!/bin/sh\n');
    flags = [
      `--kubeconfig=${kubeconfig}`,
      `--plugin-binary=${plugin}`,
      `--cni-bin-dir=${join(dir, 'bin')}`,
      `--cni-conf-dir=${join(dir, 'net.d')}`,
      `--state-dir=${join(dir, 'state')}`,
      '--node-name=n1',
      '--health-address=off',
    ];
  }

  /** Starts an agent. The returned function kills it. */
  function start(...more: string[]): () => Promise<void> {
    const child = spawn(process.execPath, [...program, 'run', ...flags, ...more], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.add(child);
    const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
    return () => {
      child.kill('SIGKILL');
      return ended;
    };
  }

  const readiness = (): unknown => JSON.parse(readFileSync(join(dir, 'state', 'readiness.json'), 'utf8'));
  const pluginOptions = (): { policy?: { socket: string } } =>
    (JSON.parse(readFileSync(join(dir, 'net.d', '05-cnikit.conflist'), 'utf8')) as { plugins: [object] })
      .plugins[0];

  test('cnikit-agent run --network-policy keeps the table, which a killed agent leaves and the next one without the option removes', async () => {
    await serve(`${BASE}---\n${OVERLAY}`);
    const kill = start('--network-policy');
    await eventually(() => expect(readiness()).toEqual({ ready: true }));
    expect(tables()).toContain('table inet cnikit-policy');
    expect(pluginOptions().policy).toEqual({ socket: join(dir, 'state', 'policy.sock') });
    await kill();
    expect(tables()).toContain('table inet cnikit-policy');

    start();
    await eventually(() => expect(tables()).not.toContain('cnikit-policy'));
    await eventually(() => expect(pluginOptions().policy).toBeUndefined());
  });

  test('cnikit-agent run --network-policy is not ready without permission to read pods, and names the permission', async () => {
    await serve(BASE);
    start('--network-policy');
    await eventually(() =>
      expect(readiness()).toMatchObject({
        ready: false,
        reason: expect.stringMatching(/^Cannot watch \/api\S+: .* is forbidden/),
      }),
    );
    expect(tables()).not.toContain('cnikit-policy');
  });

  test('cnikit-agent cleanup removes the table of NetworkPolicies', async () => {
    await serve(`${BASE}---\n${OVERLAY}`);
    spawnSync('nft', ['add', 'table', 'inet', 'cnikit-policy']);
    const { status, stdout } = spawnSync(process.execPath, [...program, 'cleanup', ...flags], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('- table inet cnikit-policy\n'),
    });
    expect(tables()).not.toContain('cnikit-policy');
  });
});
