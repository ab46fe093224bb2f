import { expect, test } from 'vitest';
import { fakeAgent } from '../testing/fake-agent.ts';
import { node } from '../testing/nodes.ts';

test('Drift.ofPass() is true for repairs, not for changes that follow nodes or host', () => {
  const { agent, kernel, clock, metrics, state } = fakeAgent();
  agent.setNodes([node(1), node(2), node(3)]);
  agent.putNode(node(4));
  agent.deleteNode('n3');
  clock.advance(2000);
  expect(metrics.get('changes', { kind: 'route' })).toBe(10);
  expect(metrics.get('drift_repairs')).toBe(0);

  const gone = kernel.routes.find(({ dst }) => dst === '10.244.2.0/24')!;
  kernel.routes = kernel.routes.filter((route) => route !== gone);
  agent.onKernel({ type: 'route', op: 'del', route: gone });
  clock.advance(0);
  expect(metrics.get('drift_repairs', { kind: 'route' })).toBe(1);

  kernel.routes = kernel.routes.filter(({ protocol }) => protocol !== 201);
  state.rules = 'flushed';
  state.conflist = undefined;
  clock.advance(60_000);
  expect(metrics.get('drift_repairs', { kind: 'route' })).toBe(1 + 6);
  expect(metrics.get('drift_repairs', { kind: 'rule' })).toBe(1);
  expect(metrics.get('drift_repairs', { kind: 'file' })).toBe(1);
  expect([metrics.get('routes'), metrics.get('routes_desired')]).toEqual([4, 4]);
});
