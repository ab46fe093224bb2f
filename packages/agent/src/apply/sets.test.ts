import { IptablesError } from '@cnikit/iptables';
import { expect, test } from 'vitest';
import { describe } from '../core/action.ts';
import { NodeIndex } from '../desired/node-index.ts';
import { planNode } from '../reconcile/node-plan.ts';
import { fakeAgent } from '../testing/fake-agent.ts';
import { node } from '../testing/nodes.ts';
import { createSets, type SetStore } from './sets.ts';

/** Sets in memory, and what was asked of them. */
function fakeStore(): { store: SetStore; asked: string[]; sets: Map<string, Set<string>> } {
  const sets = new Map<string, Set<string>>();
  const asked: string[] = [];
  const store: SetStore = {
    elements: ({ name }) => {
      asked.push(`list ${name}`);
      return sets.has(name) ? [...sets.get(name)!] : undefined;
    },
    create: ({ name }) => {
      asked.push(`create ${name}`);
      sets.set(name, new Set());
    },
    change: ({ name }, { add = [], remove = [] }) => {
      asked.push(...add.map((prefix) => `+ ${prefix}`), ...remove.map((prefix) => `- ${prefix}`));
      for (const prefix of remove) {
        sets.get(name)!.delete(prefix);
      }
      for (const prefix of add) {
        sets.get(name)!.add(prefix);
      }
    },
    destroy: ({ name }) => {
      asked.push(`destroy ${name}`);
      return sets.delete(name);
    },
  };
  return { store, asked, sets };
}

test('Agent.putNode() changes elements of the sets and does not read the rules', () => {
  const { store, asked } = fakeStore();
  const { agent, clock, order, state } = fakeAgent({ sets: createSets(store) });
  agent.setNodes([node(1), node(2), node(3)]);
  expect(state.rules).toContain('--match-set');
  expect(state.rules).not.toContain('10.244.2.0');
  clock.advance(10_000);
  for (const list of [asked, order]) {
    list.splice(0);
  }
  agent.putNode(node(4));
  clock.advance(0);
  expect(asked.sort()).toEqual(['+ 10.244.4.0/24', '+ fd00:10:244:4::/64']);
  asked.splice(0);
  clock.advance(10_000);
  agent.deleteNode('n4');
  clock.advance(0);
  expect(asked.sort()).toEqual(['- 10.244.4.0/24', '- fd00:10:244:4::/64']);
  expect(order).not.toContain('rules');
});

test('Agent.resync() repairs a set that another program changed', () => {
  const { store, sets } = fakeStore();
  const { agent } = fakeAgent({ sets: createSets(store) });
  agent.setNodes([node(1), node(2)]);
  const set = sets.get('cnikit-inside-ipv4')!;
  const right = [...set].sort();
  set.delete('10.244.2.0/24');
  set.add('203.0.113.0/24');
  agent.resync();
  expect([...set].sort()).toEqual(right);
});

test('Agent.putNode() removes the set of a family without pods', () => {
  const { store, sets } = fakeStore();
  const { agent } = fakeAgent({ sets: createSets(store) });
  agent.setNodes([node(1), node(2)]);
  expect([...sets.keys()]).toEqual(['cnikit-inside-ipv4', 'cnikit-inside-ipv6']);
  agent.putNode(node(1, { podCIDRs: ['10.244.1.0/24'] }));
  expect([...sets.keys()]).toEqual(['cnikit-inside-ipv4']);
});

test.each([
  'Warning: Extension set revision 0 not supported, missing kernel module?\niptables-nft-restore: line 12 failed',
  "Can't open socket to ipset.\niptables-legacy-restore: line 12 failed",
])('Agent names every destination in rules when rules cannot match sets: %s', (stderr) => {
  const { store, sets } = fakeStore();
  const { agent, clock, state } = fakeAgent({ sets: createSets(store) });
  state.rulesError = new IptablesError('RESTORE_FAILED', 'refused', { stderr });
  agent.setNodes([node(1), node(2)]);
  expect(agent.ready).toBe(false);
  state.rulesError = undefined;
  clock.advance(1000);
  expect(agent.ready).toBe(true);
  expect(state.rules).toContain('10.244.2.0');
  expect(state.rules).not.toContain('--match-set');
  expect(sets.size).toBe(0);
});

test('planNode() has nothing to change where the agent is idle on a kernel that has sets and cannot match them', () => {
  const { store } = fakeStore();
  const { agent, deps, options, clock, state } = fakeAgent({ sets: createSets(store) });
  state.refusesSets = true;
  agent.setNodes([node(1), node(2)]);
  clock.advance(1000);
  expect(agent.ready).toBe(true);
  const claims = new NodeIndex();
  for (const each of [node(1), node(2)]) {
    claims.set(each);
  }
  const { actions, host, desired } = planNode(claims, options, deps);
  expect([...actions, ...host.plan(desired!)].map(describe)).toEqual([]);
});

test('Agent keeps using sets after another failure of the rules', () => {
  const { agent, clock, state } = fakeAgent({ sets: createSets(fakeStore().store) });
  state.rulesError = new IptablesError('LOCKED', 'another process keeps the lock of a set of rules');
  agent.setNodes([node(1), node(2)]);
  state.rulesError = undefined;
  clock.advance(1000);
  expect(state.rules).toContain('--match-set');
});
