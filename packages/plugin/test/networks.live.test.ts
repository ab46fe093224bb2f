/** Several networks of one container, whose routes have equal destinations. */
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { env, inSandbox, ok } from './harness.ts';
import { type Answer, invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { type Pod, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

type Run = (env: Record<string, string>, conf: unknown, name: string) => Answer;

describe.skipIf(!inSandbox).each(invokers)(
  'networks of a container by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    afterEach(() => {
      for (const name of ['multi1', 'multi2', 'multi3']) {
        if (run('ip', '-o', 'link').includes(` ${name}:`)) {
          run('ip', 'link', 'del', name);
        }
      }
    });
    /** Network `n`: a default route and one other of each family, as nerdctl and podman write them. */
    const conf = (type: string, n: number, subnet = n) => ({
      cniVersion: '1.0.0',
      name: `multi${n}`,
      type,
      ...(type === 'ptp' ? {} : { bridge: `multi${n}`, isGateway: true }),
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: `10.7${subnet}.0.0/24` }], [{ subnet: `fd7${subnet}::/64` }]],
        routes: ['0.0.0.0/0', '::/0', '192.0.2.0/24', '2001:db8::/32'].map((dst) => ({ dst })),
      },
    });
    const call = (
      by: Run,
      command: string,
      type: string,
      pod: Pod,
      n: number,
      more: object = {},
      subnet = n,
    ) =>
      by({ ...env(command, 'a', pod), CNI_IFNAME: `eth${n}` }, { ...conf(type, n, subnet), ...more }, type);
    const routes = (pod: Pod, dst: string) =>
      run('ip', dst.includes(':') ? '-6' : '-4', '-n', pod.name, 'route', 'show', 'exact', dst)
        .trim()
        .split('\n')
        .map((line) => /via (\S+) dev (\S+).*?(?:metric (\d+))?/.exec(line)?.slice(1, 3).join(' '));
    const DESTINATIONS = ['default', '192.0.2.0/24', '::/0', '2001:db8::/32'];

    test.each(['bridge', 'ptp', 'cnikit'])(
      '%s ADD leaves an equal route to the network that came first, and adds its own behind it',
      (type) => {
        const pod = here.pod();
        const results = [1, 2, 3].map((n) => ok(call(invoke, 'ADD', type, pod, n)).json);
        for (const dst of DESTINATIONS) {
          const gateway = (n: number) => (dst.includes(':') ? `fd7${n}::1` : `10.7${n}.0.1`);
          expect(routes(pod, dst)).toEqual([1, 2, 3].map((n) => `${gateway(n)} eth${n}`));
        }
        [1, 2, 3].forEach((n, i) => {
          ok(call(invoke, 'CHECK', type, pod, n, { prevResult: results[i] }));
        });
        // The next network takes over when the first one leaves.
        ok(call(invoke, 'DEL', type, pod, 1, { prevResult: results[0] }));
        for (const dst of DESTINATIONS) {
          expect(routes(pod, dst)[0]).toMatch(/eth2$/);
        }
      },
    );

    test('ptp ADD of the same network twice succeeds', () => {
      const pod = here.pod();
      for (const n of [1, 2]) {
        const json = ok(call(invoke, 'ADD', 'ptp', pod, n, { name: 'multi4' }, 4)).json;
        ok(call(invoke, 'CHECK', 'ptp', pod, n, { name: 'multi4', prevResult: json }, 4));
      }
    });

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/bridge`)).each(['bridge', 'ptp'])(
      '%s ADD succeeds behind a network of upstream with equal routes, and upstream behind it, and CHECK accepts all',
      (type) => {
        const pod = here.pod();
        const first = ok(call(runUpstream, 'ADD', 'bridge', pod, 1)).json;
        const second = ok(call(invoke, 'ADD', type, pod, 2)).json;
        const third = ok(call(runUpstream, 'ADD', 'bridge', pod, 3)).json;
        expect(routes(pod, 'default')).toContain('10.72.0.1 eth2');
        // Upstream's IPv6 routes are one multipath route now.
        expect(pod.run('ip', '-6', 'route')).toMatch(/^default .*\n\tnexthop via fd7[13]::1 /m);
        ok(call(invoke, 'CHECK', 'bridge', pod, 1, { prevResult: first }));
        ok(call(invoke, 'CHECK', type, pod, 2, { prevResult: second }));
        ok(call(invoke, 'CHECK', 'bridge', pod, 3, { prevResult: third }));
      },
    );
  },
);
