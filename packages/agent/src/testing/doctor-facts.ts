/** Input of the doctor's checks. */
import { NodeIndex } from '../desired/node-index.ts';
import type { DoctorFacts } from '../diagnose/doctor/facts.ts';
import { node } from './nodes.ts';

export const access = { verb: 'list', resource: 'nodes', use: 'to know', needed: true, allowed: true };
export const holds = { installed: true, rules: 5, hint: false, own: [] };
export const backend = {
  backend: 'nft',
  reason: 'rules',
  nft: holds,
  legacy: { ...holds, rules: 0 },
  mixed: false,
} as const;
export const peer = {
  node: 'n2',
  address: '192.0.2.2',
  dev: 'eth0',
  hop: '192.0.2.2',
  neighbour: 'reachable',
  size: 1500,
  mtu: { result: 'fits' },
} as const;
export const route = { dst: '10.244.2.0/24', via: '192.0.2.2', oif: 2, dev: 'eth0' };

export function claimsOf(...nodes: ReturnType<typeof node>[]): NodeIndex {
  const claims = new NodeIndex();
  for (const each of nodes) {
    claims.set(each);
  }
  return claims;
}

export const stateFiles = {
  path: '/run/cnikit/readiness.json',
  readiness: { ready: true },
  savedPath: '/run/cnikit/state.json',
  saved: true,
};

/** Facts of a healthy node. */
export function healthy(changes: Partial<DoctorFacts> = {}): DoctorFacts {
  return {
    nodeName: 'n1',
    confDir: '/etc/cni/net.d',
    api: { server: 'https://api:6443', access: [access] },
    claims: claimsOf(node(1), node(2)),
    own: node(1),
    routes: { changes: [], problems: [], wanted: new Map([[route.dst, route]]) },
    selfTest: [],
    sysctls: [],
    randomPorts: true,
    rules: [
      { family: 'ipv4', changes: [], backend },
      { family: 'ipv6', changes: [], backend },
    ],
    filterProblems: [],
    configurations: [{ file: '05-cnikit.conflist', name: 'cnikit', types: ['cnikit'] }],
    files: [],
    fileProblems: [],
    plugin: { path: '/opt/cni/bin/cnikit', versions: ['1.0.0', '1.1.0'], missing: [] },
    links: [
      { index: 2, name: 'eth0', mtu: 1500 },
      { index: 3, name: 'cni0', kind: 'bridge', mtu: 1500 },
    ],
    addresses: [
      { index: 3, address: '10.244.1.1/24' },
      { index: 3, address: 'fe80::1/64' },
    ],
    peers: [peer],
    peerCount: 1,
    podAddresses: [{ link: 'vetha', address: '10.244.1.2' }],
    reservedAddresses: ['10.244.1.2'],
    leaks: [],
    pools: [{ range: '10.244.1.0/24', used: 1, free: 252 }],
    runtimeUp: true,
    stateFiles,
    agent: { ready: true, problems: [] },
    ...changes,
  };
}
