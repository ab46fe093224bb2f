/** How the agent's events reach the enforcement of NetworkPolicies. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { startApiServer } from '@cnikit/apiserver-fake';
import { KubeConfig } from '@kubernetes/client-node';
import pino from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { openPolicies } from '../src/cli/policies.ts';
import { parseConfig } from '../src/config/config.ts';
import { fakeAgent } from '../src/testing/fake-agent.ts';

const HOURS = 10_000;

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('openPolicies()', () => {
  test.each(['link', 'overflow'] as const)(
    'the event %s makes the rules judge what ipvs sends on once the kernel has ipvs, before any resync',
    async (type) => {
      const api = await startApiServer();
      const stateDir = mkdtempSync('/run/cnikit-policies-');
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromString(api.kubeconfig());
      const argv = ['--network-policy', `--state-dir=${stateDir}`, `--resync-interval=${HOURS}`];
      const { agent, metrics } = fakeAgent();
      const kernel = { ipvs: false };
      const policies = (await openPolicies(parseConfig(argv, { NODE_NAME: 'n1' }), {
        kubeConfig,
        agent,
        metrics,
        log: pino({ level: 'silent' }),
        onChange: () => undefined,
        ipvs: { exists: () => kernel.ipvs, read: () => '1\n' },
      }))!;
      try {
        const table = () =>
          execFileSync('nft', ['list', 'table', 'inet', 'cnikit-policy'], { encoding: 'utf8' });
        policies.setPodCIDRs(['10.0.0.0/24']);
        await vi.waitFor(() => expect(policies.programmed).toBe(true), { timeout: 30_000 });
        kernel.ipvs = true;
        policies.onKernel({ type: 'route' });
        expect(table()).not.toContain('chain ipvs-egress');
        policies.onKernel({ type });
        await vi.waitFor(() => expect(table()).toContain('chain ipvs-egress'), { timeout: 30_000 });
      } finally {
        policies.close();
        await policies.ended;
        await api.close();
        rmSync(stateDir, { recursive: true });
        execFileSync('nft', ['flush', 'ruleset']);
      }
    },
  );
});
