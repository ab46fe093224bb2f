import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Context, Scenario } from './context.ts';
import { runScenarios } from './run-scenarios.ts';

const ALL = { scenarios: [], proxyOnly: false };
const context: Context = {
  cluster: { kubectl: () => '', apply: () => undefined, podImage: 'busybox', minor: 37, proxy: 'nftables' },
  repository: '/',
  state: '/tmp',
};
const passing: Scenario = { title: 'passes', run: async () => 'summary' };
const failing: Scenario = { title: 'fails', run: () => Promise.reject(new Error('broken')) };

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => void vi.restoreAllMocks());

test('runScenarios() goes on after a failure and counts results', async () => {
  expect(await runScenarios([failing, passing], context, ALL)).toEqual({
    passed: 1,
    failed: 1,
    leftOut: 0,
    known: 0,
  });
  expect(lines[0]).toMatch(/^FAIL .* fails: broken$/);
});

test('runScenarios() leaves out the rest after an essential scenario failed', async () => {
  const counts = await runScenarios([{ ...failing, essential: true }, passing], context, ALL);
  expect(counts).toMatchObject({ failed: 1, leftOut: 1 });
});

test('runScenarios() counts a known failure separately, and its success as a failure', async () => {
  const known = () => 'the agent is wrong';
  const counts = await runScenarios(
    [
      { ...failing, known },
      { ...passing, known },
    ],
    context,
    ALL,
  );
  expect(counts).toEqual({ passed: 0, failed: 1, leftOut: 0, known: 1 });
  expect(lines[0]).toMatch(/^known .* fails: the agent is wrong \(broken\)$/);
});

test('runScenarios() leaves out a scenario whose needs the cluster does not meet, with the reason', async () => {
  const counts = await runScenarios([{ ...passing, needs: ['machines'] }], context, ALL);
  expect(counts).toMatchObject({ passed: 0, leftOut: 1 });
  expect(lines[0]).toBe('left out       passes: needs the nodes as machines');
});

test('runScenarios() always runs essential scenarios, and others only when they are selected', async () => {
  const scenarios: Scenario[] = [
    { ...passing, title: 'install', essential: true },
    { ...passing, title: 'depends on kube-proxy', dependsOnProxy: true },
    passing,
  ];
  expect(await runScenarios(scenarios, context, { ...ALL, proxyOnly: true })).toMatchObject({
    passed: 2,
    leftOut: 1,
  });
  expect(await runScenarios(scenarios, context, { ...ALL, scenarios: ['passes'] })).toMatchObject({
    passed: 2,
    leftOut: 1,
  });
});
