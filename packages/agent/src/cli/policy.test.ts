import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../config/config.ts';
import { policy } from './policy.ts';

let server: ApiServer;
let folder: string;
let kubeconfig: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cnikit-agent-policy-'));
  server = await startApiServer();
  kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig());
  server.namespaces.put({ metadata: { name: 'shop' } });
  server.nodes.put({
    metadata: { name: 'n1' },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
  });
  putPod('shop', 'web', ['10.0.0.1', 'fd00::1']);
  putPod('shop', 'db', ['10.0.0.2', 'fd00::2']);
  putPod('other', 'job', ['10.0.0.3', 'fd00::3']);
  server.networkPolicies.put({
    metadata: { namespace: 'shop', name: 'db' },
    spec: {
      podSelector: { matchLabels: { app: 'db' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 'sql' }] }],
    },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function putPod(namespace: string, name: string, addresses: readonly string[]): void {
  server.pods.put({
    metadata: { namespace, name, labels: { app: name } },
    spec: { nodeName: 'n1', containers: [{ name: 'main', ports: [{ name: 'sql', containerPort: 5432 }] }] },
    status: { phase: 'Running', podIPs: addresses.map((ip) => ({ ip })) },
  });
}

async function ask(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const printed = { out: '', err: '' };
  const config = parseConfig(['policy', `--kubeconfig=${kubeconfig}`, ...argv], {});
  const status = await policy(
    config,
    {},
    {
      out: (text) => {
        printed.out += text;
      },
      err: (text) => {
        printed.err += text;
      },
    },
  );
  return { status, ...printed };
}

test('cnikit-agent policy why exits 0 for an allowed connection and names the rule', async () => {
  expect(await ask('why', '--from=shop/web', '--to=shop/db:5432')).toEqual({
    status: 0,
    out: [
      'shop/web to shop/db, TCP 5432: allowed',
      '  egress of the source: allowed, no policy selects the pod',
      '  ingress of the destination: allowed by shop/db spec.ingress[0]',
      '',
    ].join('\n'),
    err: '',
  });
});

test.each([
  ['another pod', 'other/job', 'shop/db:5432'],
  ['another port', 'shop/web', 'shop/db:80/TCP'],
  ['ICMP', 'shop/web', 'shop/db/ICMP'],
  ['an address outside of the cluster', '198.51.100.7', 'shop/db:5432'],
  ['an IPv6 address', '2001:db8::7', 'shop/db:5432'],
])('cnikit-agent policy why exits 1 and names the policy that denies %s', async (_, from, to) => {
  const { status, out } = await ask('why', `--from=${from}`, `--to=${to}`);
  expect(out).toContain('denied, no rule of shop/db allows it');
  expect(status).toBe(1);
});

test('cnikit-agent policy why counts the address of a node as that node', async () => {
  const { status, out } = await ask('why', '--from=192.0.2.1', '--to=shop/db:5432');
  expect(out).toContain('ingress of the destination: allowed, a node reaches its own pods');
  expect(status).toBe(0);
});

test('cnikit-agent policy why --json prints the verdict', async () => {
  const { out } = await ask('why', '--from=other/job', '--to=shop/db:5432', '--json');
  expect(JSON.parse(out)).toMatchObject({ allowed: false, ingress: { policies: ['shop/db'] } });
});

test('cnikit-agent policy matrix draws the pods of all namespaces', async () => {
  expect(await ask('matrix')).toMatchObject({
    status: 0,
    out: ['            1 2 3', 'other/job 1 - . #', '  shop/db 2 # - #', ' shop/web 3 # # -', ''].join('\n'),
  });
});

test('cnikit-agent policy matrix draws one namespace, added endpoints and one sign per port', async () => {
  const { out } = await ask('matrix', '--namespace=shop', '--with=other/job', '--port=5432', '--port=53/udp');
  expect(out).toBe(
    ['             1  2  3', '  shop/db 1  - ## ##', ' shop/web 2 #.  - ##', 'other/job 3 .. ##  -', ''].join(
      '\n',
    ),
  );
});

test('cnikit-agent policy check exits 1 for a policy without effect', async () => {
  expect(await ask('check')).toMatchObject({ status: 0, out: 'policies: 1, findings: 0\n' });
  const metadata = { namespace: 'other', name: 'typo' };
  server.networkPolicies.put({ metadata, spec: { podSelector: { matchLabels: { app: 'jb' } } } });
  expect(await ask('check')).toMatchObject({
    status: 1,
    out: 'other/typo spec.podSelector: Selects no pod of namespace other\npolicies: 2, findings: 1\n',
  });
  server.networkPolicies.delete('typo', 'other');
});

test.each([
  ['no source', ['why', '--to=shop/db:1'], 'why needs --from ENDPOINT and --to ENDPOINT:PORT'],
  [
    'a destination without port',
    ['why', '--from=a/b', '--to=c/d'],
    'Invalid --to c/d: expected ENDPOINT:PORT',
  ],
  ['port 0', ['matrix', '--port=0'], 'Invalid port in 0: expected a number of 1 to 65535'],
  ['an unknown pod', ['why', '--from=shop/wbe', '--to=shop/db:1'], 'shop/wbe'],
  ['an unknown pod to add', ['matrix', '--with=shop/wbe'], 'shop/wbe'],
  [
    'a kubeconfig that is missing',
    ['matrix', '--kubeconfig=/nowhere'],
    'Cannot read the kubeconfig /nowhere',
  ],
])('cnikit-agent policy exits 2 and prints one sentence for %s', async (_, argv, message) => {
  const [question = '', ...options] = argv;
  const { status, out, err } = await ask(question, ...options);
  expect({ status, out }).toEqual({ status: 2, out: '' });
  expect(err).toMatch(/^cnikit-agent: [^\n]+\n$/);
  expect(err).toContain(message);
});

test('cnikit-agent policy exits 2 and names the permission that deploy/base lacks', async () => {
  const rbacFile = fileURLToPath(new URL('../../../../deploy/base/rbac.yaml', import.meta.url));
  const refusing = await startApiServer({ rbacFile });
  try {
    const file = join(folder, 'refused');
    writeFileSync(file, refusing.kubeconfig());
    const { status, err } = await ask('matrix', `--kubeconfig=${file}`);
    expect(err).toMatch(/^cnikit-agent: Cannot list \/api\S+: The API server answered 403: /);
    expect(err).toContain('deploy/overlays/network-policy grants it');
    expect(status).toBe(2);
  } finally {
    await refusing.close();
  }
});
