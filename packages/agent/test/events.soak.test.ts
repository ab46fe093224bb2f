/** Events of the running agent, which looks for what to send every 30 seconds. */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { SOAK } from '../../../vitest.soak.ts';
import { endAll, eventually, liveNode } from './live-node.ts';
import { hasPlugin, plugin } from './pods.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

test.skipIf(process.env.CNIKIT_SANDBOX !== '1' || !SOAK || !hasPlugin)(
  'cnikit-agent run creates an Event for a repaired plugin and a repaired readiness file (needs the sandbox: run npm run test:soak at the root)',
  { timeout: 120_000 },
  async () => {
    const node = await liveNode(1);
    const flags = {
      kubeconfig: node.kubeconfig,
      'plugin-binary': plugin,
      'cni-bin-dir': node.binDir,
      'cni-conf-dir': node.confDir,
      'state-dir': node.stateDir,
      'node-name': 'n1',
      'health-address': 'off',
    };
    const argv = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const agent = spawn(process.execPath, ['--conditions=@cnikit/source', main, 'run', ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let log = '';
    agent.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
    });
    try {
      await eventually(() => expect(log).toContain('The data path is programmed'));
      const files = [join(node.binDir, 'cnikit'), join(node.stateDir, 'readiness.json')];
      await eventually(() => expect(files.filter((file) => !existsSync(file))).toEqual([]));
      for (const file of files) {
        rmSync(file);
      }
      await vi.waitFor(
        () => {
          const repairs = node.api.events.list().filter(({ reason }) => reason === 'CNIFileRepaired');
          for (const file of files) {
            expect(repairs).toContainEqual(
              expect.objectContaining({ message: expect.stringContaining(file) as string }),
            );
          }
        },
        { timeout: 90_000, interval: 100 },
      );
    } finally {
      await endAll([agent]);
      await node.close();
    }
  },
);
