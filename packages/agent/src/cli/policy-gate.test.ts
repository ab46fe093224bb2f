import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ipam } from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import { sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import type { LocalPod } from '../policy/local-pods.ts';
import { startPolicyGate } from './policy-gate.ts';

test('startPolicyGate() claims saved and recorded pods that have a reservation, and takes reports', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'start-policy-gate-'));
  mkdirSync(join(dir, 'results'));
  const ipam = new Ipam({
    rangeSets: [[{ subnet: '10.244.1.0/24' }]],
    store: fileStore({ sys, dir: join(dir, 'ipam', 'cnikit') }),
  });
  const [saved, recorded] = ['saved', 'recorded'].map((containerID) => {
    const [{ address = '' } = {}] = ipam.add({ containerID, ifName: 'eth0' }).ips;
    return address.split('/', 1)[0]!;
  });
  const cniArgs = [
    ['K8S_POD_NAMESPACE', 'shop'],
    ['K8S_POD_NAME', 'recorded'],
  ];
  writeFileSync(
    join(dir, 'results', 'cnikit-recorded-eth0'),
    JSON.stringify({ containerId: 'recorded', cniArgs }),
  );
  const pod = (name: string, address = '') => ({
    namespace: 'shop',
    name,
    containerId: name,
    ifName: 'eth0',
    addresses: [address],
  });
  const pods = [pod('saved', saved), pod('gone', '10.244.1.9')];
  writeFileSync(join(dir, 'policy-pods.json'), JSON.stringify({ format: 1, pods }));

  const claimed: string[] = [];
  const released: string[] = [];
  const local = {
    claim: async ({ name, addresses }: LocalPod) => void claimed.push(`${name} ${addresses}`),
    release: async (containerId: string) => void released.push(containerId),
  };
  const log = { info: () => undefined, warn: () => undefined };
  const gate = await startPolicyGate({ stateDir: dir, cniCacheDir: dir, resyncMs: 60_000 }, local, log);
  expect(gate.failure).toBeUndefined();
  expect([claimed, released]).toEqual([[`saved ${saved}`, `recorded ${recorded}`], ['gone']]);

  const socket = connect(join(dir, 'policy.sock'));
  socket.end(`${JSON.stringify({ op: 'add', network: 'cnikit', ...pod('web', '10.244.1.7') })}\n`);
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toBe('{"ok":true}\n');
  expect(claimed.at(-1)).toBe('web 10.244.1.7');
  expect(JSON.parse(readFileSync(join(dir, 'policy-pods.json'), 'utf8')).pods).toHaveLength(3);
  gate.close();
  rmSync(dir, { recursive: true });
});
