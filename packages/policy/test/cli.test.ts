import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startApiServer } from '@cnikit/apiserver-fake';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../src/cli/run.ts';

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const MANIFESTS = `
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}
---
kind: CronJob
metadata: {name: report, namespace: shop}
spec:
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: report}}
        spec: {containers: [{}]}
---
kind: List
items:
- kind: StatefulSet
  metadata: {name: db, namespace: shop}
  spec:
    template:
      metadata: {labels: {app: db}}
      spec: {containers: [{ports: [{containerPort: 5432}]}]}
---
# A document with nothing in it.
---
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cnikit-policy-'));
  writeFileSync(join(folder, 'all.yaml'), MANIFESTS);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command in this process. */
async function command(args: readonly string[], input = '') {
  let stdout = '';
  let stderr = '';
  const status = await run(args, {
    input: () => input,
    out: (line) => {
      stdout += `${line}\n`;
    },
    err: (line) => {
      stderr += `${line}\n`;
    },
    version: '1.2.3',
  });
  return { status, stdout, stderr };
}

/** Runs the program. */
function program(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@cnikit/source', CLI, ...args],
    { encoding: 'utf8', input },
  );
  return { status, stdout, stderr };
}

test('cnikit-policy matrix draws the workloads of a folder', async () => {
  expect(await command(['matrix', folder])).toEqual({
    status: 0,
    stdout: [
      '              1 2 3',
      '   shop/web 1 - # #',
      'shop/report 2 # - .',
      '    shop/db 3 # # -',
      '',
    ].join('\n'),
    stderr: '',
  });
});

test('cnikit-policy why exits 0 for an allowed connection and names the rule', () => {
  const { status, stdout } = program(['why', '--from', 'shop/web', '--to', 'shop/db:5432', '-'], MANIFESTS);
  expect(stdout).toBe(
    [
      'shop/web to shop/db, TCP 5432: allowed',
      '  egress of the source: allowed, no policy selects the pod',
      '  ingress of the destination: allowed by shop/db spec.ingress[0]',
      '',
    ].join('\n'),
  );
  expect(status).toBe(0);
});

test('cnikit-policy why exits 1 for a denied connection and names the policies', async () => {
  const { status, stdout } = await command(['why', '--from', '192.0.2.1', '--to', 'shop/db/ICMP', folder]);
  expect(stdout).toContain('shop/db, ICMP: denied');
  expect(stdout).toContain('denied, no rule of shop/db allows it');
  expect(status).toBe(1);
});

test('cnikit-policy check exits 0 without findings', async () => {
  expect(await command(['check', folder])).toMatchObject({ status: 0, stdout: 'policies: 1, findings: 0\n' });
});

test('cnikit-policy nft prints a table that nft loads', async () => {
  const { stdout } = await command(['nft', '--node', 'n1', '--pod-cidr', '10.0.0.0/24', folder]);
  const nft = spawnSync('nft', ['--check', '--file', '-'], { input: stdout, encoding: 'utf8' });
  expect(nft).toMatchObject({ status: 0, stderr: '' });
});

test('cnikit-policy --json prints JSON', async () => {
  const { stdout } = await command(['why', '--json', '--from', 'shop/web', '--to', 'shop/db:1', folder]);
  expect(JSON.parse(stdout)).toMatchObject({ allowed: false, ingress: { policies: ['shop/db'] } });
});

test.each([
  ['no command', [], 'Expected a command'],
  ['an unknown command', ['draw'], 'Unknown command draw'],
  ['an unknown option', ['matrix', '--nonsense'], "Unknown option '--nonsense'"],
  ['no input', ['matrix'], 'Expected PATH or --kubeconfig FILE'],
  ['a path that does not exist', ['matrix', 'nowhere.yaml'], 'nowhere.yaml: '],
  [
    'an invalid port',
    ['matrix', '--port', 'web', 'x'],
    'Invalid port in web: expected a number of 1 to 65535',
  ],
  [
    'an invalid destination',
    ['why', '--from', 'a/b', '--to', 'c/d', 'x'],
    'Invalid --to c/d: expected ENDPOINT:PORT',
  ],
])('cnikit-policy exits 2 with a sentence for %s', async (_, args, message) => {
  const { status, stdout, stderr } = await command(args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('cnikit-policy prints its errors to standard error', () => {
  expect(program([])).toEqual({
    status: 2,
    stdout: '',
    stderr: 'Expected a command\nTry: cnikit-policy --help\n',
  });
});

test('cnikit-policy reports invalid YAML and invalid objects by file, object and field', async () => {
  expect((await command(['check', '-'], 'a: [')).stderr).toContain('standard input: ');
  const unknown = 'kind: NetworkPolicy\nmetadata: {name: p}\nspec: {ingres: []}';
  expect((await command(['check', '-'], unknown)).stderr).toContain(
    'Invalid NetworkPolicy p: spec: Unrecognized key: "ingres"',
  );
});

test.each([
  ['plain text', 'plain text', 'standard input: expected Kubernetes objects, got "plain text"'],
  ['a list', '[{kind: NetworkPolicy}]', 'standard input: expected Kubernetes objects, got a list'],
])('cnikit-policy refuses %s instead of ignoring it', async (_, input, message) => {
  expect(await command(['check', '-'], input)).toEqual({ status: 2, stdout: '', stderr: `${message}\n` });
});

test('cnikit-policy --version prints the version', async () => {
  expect(await command(['--version'])).toEqual({ status: 0, stdout: '1.2.3\n', stderr: '' });
});

test('cnikit-policy matrix prints a sentence when there is no pod to draw', async () => {
  expect(await command(['matrix', '-'], 'kind: Namespace\nmetadata: {name: shop}')).toEqual({
    status: 0,
    stdout: 'No pods that a NetworkPolicy can select\n',
    stderr: '',
  });
});

test('cnikit-policy --kubeconfig reads pods, namespaces and policies of a cluster', async () => {
  const server = await startApiServer();
  try {
    server.namespaces.put({ metadata: { name: 'shop', labels: { team: 'shop' } } });
    for (const name of ['web', 'db']) {
      server.pods.put({
        metadata: { namespace: 'shop', name, labels: { app: name } },
        spec: { nodeName: 'n1', containers: [{ name: 'main', ports: [{ containerPort: 80 }] }] },
        status: { phase: 'Running', podIPs: [{ ip: name === 'web' ? '10.0.0.1' : '10.0.0.2' }] },
      });
    }
    server.networkPolicies.put({
      metadata: { namespace: 'shop', name: 'db' },
      spec: { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] },
    });
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, server.kubeconfig());
    const { stdout } = await command(['matrix', '--kubeconfig', kubeconfig]);
    expect(stdout).toBe(['           1 2', ' shop/db 1 - #', 'shop/web 2 . -', ''].join('\n'));
  } finally {
    await server.close();
  }
});
