import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { delRoute, newAddress, newLink, newRoute, openRtnetlink } from '@cnikit/netlink';
import { describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../route-watcher.ts', import.meta.url));

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'route-watcher (needs the sandbox: run npm test at the root)',
  () => {
    test('route-watcher prints the existing routes, then each change', async () => {
      const rt = openRtnetlink();
      rt.request(newLink({ kind: 'bridge', name: 'watched0', up: true }));
      const { index: oif } = rt.link({ name: 'watched0' })!;
      rt.request(newAddress({ index: oif, address: '192.0.2.1/24' }));
      const child = spawn(process.execPath, ['--conditions=@cnikit/source', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exit = once(child, 'exit');
      try {
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        // The kernel may add its own routes late; the test skips them.
        const until = async (wanted: RegExp): Promise<string> => {
          for (;;) {
            const { value, done } = await lines.next();
            if (done) {
              throw new Error(`route-watcher ended before it printed ${wanted}`);
            }
            if (wanted.test(value)) {
              return value;
            }
          }
        };
        expect(await until(/./)).toBe('Routes:');
        expect(await until(/192\.0\.2\.0/)).toBe('  192.0.2.0/24 dev watched0 table main');
        // The program has read the list before it prints it: anything later is a change.
        const route = { dst: '198.51.100.0/24', via: '192.0.2.9', oif, table: 100 };
        rt.request(newRoute(route));
        expect(await until(/198\.51/)).toBe('+ 198.51.100.0/24 via 192.0.2.9 dev watched0 table 100');
        rt.request(delRoute(route));
        expect(await until(/^-.*198\.51/)).toBe('- 198.51.100.0/24 via 192.0.2.9 dev watched0 table 100');
      } finally {
        child.kill();
        await exit;
        rt.close();
      }
    });
  },
);
