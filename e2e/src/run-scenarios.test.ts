import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Context, Scenario, Step } from './context.ts';
import { runScenarios as runSteps, type Selection } from './run-scenarios.ts';

const ALL = { scenarios: [], proxyOnly: false };
const context: Context = {
  cluster: {
    kubectl: () => '',
    kubectlAsync: async () => '',
    apply: () => undefined,
    podImage: 'busybox',
    minor: 37,
    proxy: 'nftables',
  },
  repository: '/',
  state: '/tmp',
};
const passing: Scenario = { title: 'passes', run: async () => 'summary' };
const failing: Scenario = { title: 'fails', run: () => Promise.reject(new Error('broken')) };

let lines: string[];
/** Folders of manifests that were rolled out. */
let rolledOut: (string | undefined)[];
beforeEach(() => {
  lines = [];
  rolledOut = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => void vi.restoreAllMocks());

function runScenarios(steps: readonly Step[], to: Context, selection: Selection) {
  return runSteps(steps, to, selection, (_, folder) => void rolledOut.push(folder));
}

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

test('runScenarios() runs the scenarios of one step at the same time, and the next step after all of them', async () => {
  const events: string[] = [];
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const waiting: Scenario = {
    title: 'waits for the other',
    async run() {
      await begun;
      events.push('first');
      return undefined;
    },
  };
  const beginning: Scenario = {
    title: 'begins',
    async run() {
      begin();
      throw new Error('broken');
    },
  };
  const last: Scenario = {
    title: 'comes last',
    async run() {
      events.push('last');
      return undefined;
    },
  };
  expect(await runScenarios([[waiting, beginning], last], context, ALL)).toMatchObject({
    passed: 2,
    failed: 1,
  });
  expect(events).toEqual(['first', 'last']);
});

test('runScenarios() rolls out manifests only when the next scenario needs others than the last', async () => {
  const policy: Scenario = { ...passing, manifests: () => 'policy' };
  const cut: Scenario = { ...passing, manifests: () => 'cut' };
  await runScenarios([passing, policy, policy, cut, [passing, passing]], context, ALL);
  expect(rolledOut).toEqual(['policy', 'cut', undefined]);
});
