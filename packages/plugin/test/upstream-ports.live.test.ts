/** Host ports by `portmap` of cnikit and of upstream in the same situation: both must give the same answer. */
import { describe, expect, test } from 'vitest';
import { env, inSandbox, ok } from './harness.ts';
import { invokers, isUpstreamPinned, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { type Pod, run } from './namespaces.ts';
import { flushConnections } from './nat-state.ts';
import { clearNode, withOutside } from './outside.ts';
import { scratch } from './scratch.ts';
import { NODE, reach, serve } from './traffic.ts';

const PATH = process.env.PATH ?? '';
const NODE4 = '192.0.2.1';
const NODE6 = '2001:db8::1';

type Mapping = { hostPort: number; containerPort: number; protocol: string; hostIP?: string };
const tcp = (hostPort: number, containerPort: number, hostIP?: string): Mapping => ({
  hostPort,
  containerPort,
  protocol: 'tcp',
  hostIP,
});

describe.skipIf(!inSandbox || !isUpstreamPinned).each(invokers)(
  'host ports beside upstream, by %s (needs the sandbox and the pinned upstream plugins: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const outside = withOutside();

    type Side = 'cnikit' | 'upstream';
    const SIDES: readonly Side[] = ['cnikit', 'upstream'];
    const conf = (side: Side, type: string, ports: readonly Mapping[], more: object) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type,
      bridge: 'ports0',
      isDefaultGateway: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        // Both sides give their pod the same address.
        dataDir: `${here.dir}/${side}`,
        ranges: [[{ subnet: '10.88.0.0/24' }], [{ subnet: 'fd88::/64' }]],
      },
      capabilities: { portMappings: true },
      runtimeConfig: { portMappings: ports },
      ...more,
    });
    const call = (
      side: Side,
      [type, command]: [type: string, command: string],
      pod: Pod,
      ports: readonly Mapping[],
      more = {},
    ) => {
      const variables = env(command, 'a', pod, { PATH, CNI_PATH: UPSTREAM_DIR });
      const by = side === 'cnikit' ? invoke : runUpstream;
      return by(variables, conf(side, type, ports, more), type);
    };
    const add = (side: Side, pod: Pod, ports: readonly Mapping[]) => {
      const prevResult = ok(call(side, ['bridge', 'ADD'], pod, [])).json;
      ok(call(side, ['portmap', 'ADD'], pod, ports, { prevResult }));
      return prevResult;
    };
    const del = (side: Side, pod: Pod, ports: readonly Mapping[], prevResult: object) => {
      for (const type of ['portmap', 'bridge']) {
        ok(call(side, [type, 'DEL'], pod, ports, { prevResult }));
      }
    };
    /** Runs the scenario by each side, on a clean node, and returns the answers. */
    const answersOf = async <T>(scenario: (side: Side, pod: Pod) => Promise<T>): Promise<Record<Side, T>> => {
      const answers: [Side, T][] = [];
      for (const side of SIDES) {
        answers.push([side, await scenario(side, here.pod())]);
        clearNode();
      }
      return Object.fromEntries(answers) as Record<Side, T>;
    };
    const asked = (port: number) =>
      Promise.all(
        [outside, NODE].flatMap((from) => [NODE4, NODE6].map((node) => reach(from, 'tcp', node, port))),
      );

    test.each(['before', 'after'])(
      'a Service whose external IP is the node’s, made %s the pod, keeps its port',
      async (order) => {
        const makeService = () => {
          for (const [program, ip, to] of [
            ['iptables', NODE4, '10.88.0.2:81'],
            ['ip6tables', NODE6, '[fd88::2]:81'],
          ] as const) {
            run(program, '-t', 'nat', '-N', 'KUBE-SERVICES');
            for (const chain of ['PREROUTING', 'OUTPUT']) {
              run(program, '-t', 'nat', '-I', chain, '-j', 'KUBE-SERVICES');
            }
            const match = ['-d', ip, '-p', 'tcp', '--dport', '8080'];
            run(program, '-t', 'nat', '-A', 'KUBE-SERVICES', ...match, '-j', 'DNAT', '--to-destination', to);
          }
        };
        const { cnikit, upstream } = await answersOf(async (side, pod) => {
          if (order === 'before') {
            makeService();
          }
          const ports = [tcp(8080, 80)];
          const result = add(side, pod, ports);
          if (order === 'after') {
            makeService();
          }
          // Nothing listens on port 80 of the pod, so only the Service can reply.
          serve(pod, 'tcp', 81);
          const answers = (await asked(8080)).map((answer) => answer !== undefined);
          del(side, pod, ports, result);
          return answers;
        });
        expect(upstream).toEqual([true, true, true, true]);
        expect(cnikit).toEqual(upstream);
      },
    );

    test.each([
      ['without hostIP and with 0.0.0.0', [tcp(8080, 80), tcp(8080, 80, '0.0.0.0')]],
      ['with equal mappings', [tcp(8080, 80), tcp(8080, 80)]],
      ['to two ports of the container', [tcp(8080, 80), tcp(8080, 82)]],
      ['with hostIP first', [tcp(8080, 80, NODE4), tcp(8080, 80)]],
    ])('a container that has one host port twice, %s, is reached', async (_what, ports) => {
      const { cnikit, upstream } = await answersOf(async (side, pod) => {
        const result = add(side, pod, ports);
        serve(pod, 'tcp', 80);
        const answers = (await asked(8080)).slice(0, 2);
        del(side, pod, ports, result);
        return answers;
      });
      expect(upstream).toEqual([outside.ipv4, outside.ipv6]);
      expect(cnikit).toEqual(upstream);
    });

    test('ADD and DEL of UDP ports delete the flows to them; upstream deletes those of other machines too', async () => {
      const ports = Array.from({ length: 8 }, (_, i) => ({
        hostPort: 5000 + i,
        containerPort: 53,
        protocol: 'udp',
      }));
      const flow = (destination: string, port: number) =>
        run(
          ...['conntrack', '-I', '-p', 'udp', '-s', '198.51.100.7', '-d', destination, '-t', '600'],
          ...['--sport', '4444', '--dport', `${port}`],
        );
      const insert = () => {
        flushConnections();
        for (const port of [5000, 5007, 5008]) {
          flow(NODE4, port);
        }
        flow('198.51.100.53', 5000);
      };
      const known = () =>
        [...run('conntrack', '-L', '-p', 'udp').matchAll(/dst=(\S+) sport=4444 dport=(\d+)/g)]
          .map(([, address, port]) => `${address} ${port}`)
          .sort();
      const { cnikit, upstream } = await answersOf(async (side, pod) => {
        insert();
        const result = add(side, pod, ports);
        const afterAdd = known();
        insert();
        del(side, pod, ports, result);
        return [afterAdd, known()];
      });
      const other = `${NODE4} 5008`;
      const world = '198.51.100.53 5000';
      expect(upstream).toEqual([[other], [other]]);
      expect(cnikit).toEqual([
        [other, world],
        [other, world],
      ]);
    });
  },
);
