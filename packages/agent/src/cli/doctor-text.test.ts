import { expect, test } from 'vitest';
import { diagnose, exitStatus } from '../diagnose/doctor/diagnose.ts';
import { claimsOf, healthy, peer, route, stateFiles } from '../testing/doctor-facts.ts';
import { textOf } from './doctor-text.ts';

const lost = { kind: 'route', op: 'add', route } as const;
const withoutAgent = healthy({
  agent: undefined,
  stateFiles: { ...stateFiles, readiness: undefined, saved: false },
  configurations: [],
  routes: { changes: [lost, lost, lost], problems: [], wanted: new Map() },
});

test('textOf() puts a missing agent first, with one remedy, and lists what follows from it', () => {
  expect(textOf(diagnose(withoutAgent)).split('✓')[0]).toBe(`\
! No agent answers on this node. The existing setup stays, but nothing
  updates or repairs it.
  → Start the agent. If it serves another address, pass that with
    --health-address.
  These follow from it (--json lists all of them, with details):
  ✗ /run/cnikit/readiness.json does not exist or is unreadable, so STATUS of
    the plugin fails and container runtimes that send it report the node as
    not ready.
  ! /run/cnikit/state.json does not exist or is invalid, so an agent that
    starts while the API server is unreachable knows no nodes.
  ✗ /etc/cni/net.d/05-cnikit.conflist does not exist, so the kubelet reports
    the node as not ready.
  ✗ Out of sync: + route 10.244.2.0/24 via 192.0.2.2 dev eth0.
  ✗ Out of sync: + route 10.244.2.0/24 via 192.0.2.2 dev eth0.
    and 1 more of this check
`);
  expect(textOf(diagnose(withoutAgent)).match(/→/g)).toHaveLength(1);
  expect(textOf(diagnose(withoutAgent))).toMatch(/\n5 failures, 2 warnings\.\n$/);
});

test('diagnose() keeps every consequence with its level and remedy, and names the check of its cause', () => {
  const results = diagnose(withoutAgent);
  const following = results.flatMap(({ findings }) => findings.filter(({ followsFrom }) => followsFrom));
  expect(following).toHaveLength(6);
  for (const { followsFrom, fix } of following) {
    expect(followsFrom).toBe('agent');
    expect(fix).toMatch(/agent/);
  }
  expect(exitStatus(results)).toBe(4);
});

test('textOf() prints a remedy once for the findings of a check that share it', () => {
  const results = diagnose({ ...withoutAgent, agent: { ready: true, problems: [] } });
  expect(results.flatMap(({ findings }) => findings.filter(({ followsFrom }) => followsFrom))).toEqual([]);
  expect(textOf(results).match(/→/g)).toHaveLength(3);
});

test('textOf() marks a check that could not judge, and counts it', () => {
  const silent = healthy({ peers: [{ ...peer, mtu: { result: 'silent' } }] });
  const text = textOf(diagnose(silent));
  expect(text).toMatch(/^- No node answered the probes/m);
  expect(text).toMatch(/^- NetworkPolicies are not enforced: --network-policy is off\.$/m);
  expect(text).toMatch(/\nAll checks passed except for \d+ with the mark -, which had nothing to judge\.\n$/);
  expect(exitStatus(diagnose(silent))).toBe(0);
});

test('diagnose() skips the checks that need Nodes while none is known', () => {
  const unknown = diagnose(healthy({ claims: claimsOf(), own: undefined }));
  const skipped = unknown.filter((result) => result.skipped).map(({ check }) => check);
  expect(skipped).toEqual(expect.arrayContaining(['sysctls', 'routes', 'rules', 'duplicates']));
});
