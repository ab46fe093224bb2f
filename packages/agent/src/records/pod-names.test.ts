import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostVethName } from '@cnikit/plugin';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeOwner, podBehind, withPodNames } from './pod-names.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pod-names-'));
  mkdirSync(join(dir, 'results'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function record(network: string, containerId: string, ifName: string, name: string): void {
  const cniArgs = [
    ['K8S_POD_NAMESPACE', 'shop'],
    ['K8S_POD_NAME', name],
  ];
  const path = join(dir, 'results', `${network}-${containerId}-${ifName}`);
  writeFileSync(path, JSON.stringify({ containerId, cniArgs }));
}

test('withPodNames() completes names from the records, and keeps those that are known', () => {
  record('cnikit', 'c1', 'eth0', 'web-0');
  const items = [
    { containerID: 'c1', ifName: '' },
    { containerID: 'c1', ifName: 'eth0', pod: 'shop/other' },
    { containerID: 'c2', ifName: 'eth0' },
  ];
  expect(withPodNames(dir, items).map(({ pod }) => pod)).toEqual(['shop/web-0', 'shop/other', undefined]);
});

test('describeOwner() returns the container when no record names its pod in that network', () => {
  record('cnikit', 'c1', 'eth0', 'web-0');
  const owner = { containerID: 'c1', ifName: 'eth0' };
  expect(describeOwner(dir, 'cnikit', owner)).toBe('shop/web-0');
  expect(describeOwner(dir, 'other', owner)).toBe('container c1');
});

test('podBehind() finds the pod of a link, also when its IDs contain hyphens', () => {
  record('cnikit', 'pod-a', 'eth-0', 'web-0');
  record('other', 'pod-b', 'eth0', 'web-1');
  writeFileSync(join(dir, 'results', 'cnikit-broken'), '{');
  expect(podBehind(dir, hostVethName('cnikit', 'pod-a', 'eth-0'))).toBe('shop/web-0');
  expect(podBehind(dir, hostVethName('other', 'pod-b', 'eth0'))).toBeUndefined();
  rmSync(join(dir, 'results'), { recursive: true });
  expect(podBehind(dir, hostVethName('cnikit', 'pod-a', 'eth-0'))).toBeUndefined();
  mkdirSync(join(dir, 'results'));
});
