/**
 * The built agent on two nodes of namespaces with pods, under faults of everything that it depends on, by seeds:
 *
 *     CNIKIT_SOAK_SEED=7 node ../../tools/sandbox.mjs npx vitest run test/chaos.soak.test.ts
 *
 * API outages within a seed last a second or two; a separate test has one of a minute. A hanging watch is cut at the
 * end, before the agent's timeout of 90 s, which test/simulation covers.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { delRoute, newRoute, openRtnetlink } from '@cnikit/netlink';
import { executablePath } from '@cnikit/plugin';
import { Lab, type LabNode, NETWORK, type Pod, podCidrs, ROUTER, startPing } from '@cnikit/testing-lab';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { firstSoakSeed, SOAK, soakSize } from '../../../vitest.soak.ts';
import { openKernel } from '../src/apply/netlink-kernel.ts';
import { selectNode } from '../src/observe/node.ts';
import { expectedRoutes, routeDifferences } from './simulation/oracle.ts';
import { Random } from './simulation/random.ts';

const COUNT = soakSize(1, 4);
const SEEDS = Array.from({ length: COUNT }, (_, i) => firstSoakSeed(1, COUNT) + i);
const STEPS = 20;
/** For the slowest of machines; how long it did take is printed. */
const SETTLE_MS = 60_000;

const program = fileURLToPath(new URL('../dist/cnikit-agent.js', import.meta.url));
/** In the node's own namespace. */
const HEALTH = '127.0.0.1:9470';
const [TOKEN, CA, KUBECONFIG] = ['/run/token', '/run/ca.crt', '/run/kubeconfig'];

/** One of the two nodes that exist. */
class Victim {
  readonly node: LabNode;
  #agent: ChildProcess | undefined;

  constructor(node: LabNode) {
    this.node = node;
  }

  argv(command: string): string[] {
    const options = {
      'node-name': this.node.name,
      kubeconfig: KUBECONFIG,
      'plugin-binary': executablePath(),
      'health-address': HEALTH,
    };
    const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    return [process.execPath, program, command, ...flags];
  }

  start(): void {
    if (this.#agent !== undefined) {
      return;
    }
    const env = { PATH: process.env.PATH ?? '' };
    this.#agent = this.node.start(this.argv('run'), { env, logFile: this.node.path('/run/log/agent.log') });
  }

  async kill(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined) {
      return;
    }
    agent.kill('SIGKILL');
    if (agent.exitCode === null && agent.signalCode === null) {
      await once(agent, 'exit');
    }
  }

  /** Stops it, does something, and lets it go on. */
  async asleep(body: () => Promise<void>): Promise<void> {
    this.#agent?.kill('SIGSTOP');
    await body();
    this.#agent?.kill('SIGCONT');
  }

  /** A number of its /metrics. */
  async metric(name: string): Promise<number> {
    const script = `fetch('http://${HEALTH}/metrics').then(async (answer) => process.stdout.write(await answer.text()))`;
    const text = await this.node.must([process.execPath, '-e', script]);
    return Number(new RegExp(`^cnikit_agent_${name} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  /** Writes a kubeconfig with the current credentials. */
  writeCredentials(api: ApiServer): void {
    writeFileSync(this.node.path(TOKEN), api.token);
    writeFileSync(this.node.path(CA), api.caCert);
  }

  /** Lists the routes of the node that are missing or wrong. */
  differences(api: ApiServer): string[] {
    const kernel = openKernel(`/proc/${this.node.pid}/ns/net`);
    try {
      const nodes = api.nodes.list().map((node) => ({ ...selectNode(node), beat: 0 }) as never);
      const own = { ...selectNode(api.nodes.get(this.node.name)), beat: 0 } as never;
      const state = kernel.dump();
      return routeDifferences(expectedRoutes(own, nodes, state, { encap: 'auto', layout: 'routed' }), state);
    } finally {
      kernel.close();
    }
  }
}

const nodeObject = (name: string, number: number, host = number) => ({
  metadata: { name },
  spec: { podCIDRs: Object.values(podCidrs(number)) },
  status: {
    addresses: [`${NETWORK.nodes.ipv4}.${host}`, `${NETWORK.nodes.ipv6}::${host}`].map((address) => ({
      type: 'InternalIP',
      address,
    })),
  },
});

/** A route that the agent must not change. */
const FOREIGN = `198.18.7.0/24 via ${ROUTER.ipv4} proto 4`;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

interface Situation {
  api: ApiServer;
  victims: Victim[];
  /** One of them. */
  victim: Victim;
  random: Random;
}

type Step = (situation: Situation) => unknown;

/** Nodes that exist in the API only: no test pings their pods. */
const ghost = (random: Random): number => random.whole(50, 69);

const controlPlane: Record<string, Step> = {
  'cut watches': ({ api }) => api.faults.dropWatches(),
  'stall watches': ({ api }) => api.faults.stallWatches(),
  'expire the history': ({ api, random }) => {
    api.faults.gone(random.chance(0.5) ? 'event' : 'status');
    api.faults.compact();
    api.faults.dropWatches();
  },
  'refuse requests': ({ api, random }) => {
    const status = [401, 403, 429, 500, 503][random.whole(0, 4)]!;
    api.faults.failNext(
      random.whole(1, 3),
      status,
      status === 429 ? { headers: { 'retry-after': '1' } } : {},
    );
    api.faults.dropWatches();
  },
  'send garbage': ({ api }) => api.faults.garbageNext(),
  'send halves': ({ api }) => api.faults.truncateNext(),
  'send twice': ({ api, random }) => api.faults.duplicateEvents(random.chance(0.5)),
  'send newest first': ({ api, random }) => api.faults.reorderEvents(random.chance(0.5)),
  'replay old events': ({ api, random }) => {
    api.faults.replayEvents(random.whole(0, 15));
    api.faults.dropWatches();
  },
  'be slow': ({ api, random }) => api.faults.delay(random.whole(0, 50)),
  'API goes': async ({ api, random }) => {
    await api.stop();
    await pause(random.whole(100, 1500));
    await api.start();
  },
  'rotate the token': async ({ api, victims, random }) => {
    api.rotateToken();
    api.faults.dropWatches();
    await pause(random.whole(0, 300));
    for (const victim of victims) {
      victim.writeCredentials(api);
    }
  },
  'rotate certificate and CA': async ({ api, victims, random }) => {
    await api.rotateCertificate({ newCa: random.chance(0.5) });
    api.faults.dropWatches();
    await pause(random.whole(0, 300));
    for (const victim of victims) {
      victim.writeCredentials(api);
    }
  },
  'kill an agent': ({ victim }) => victim.kill(),
  'start an agent': ({ victim }) => victim.start(),
  'add a node': ({ api, random }) => {
    const n = ghost(random);
    api.nodes.put(nodeObject(`ghost-${n}`, n, ghost(random)) as never);
  },
  'remove a node': ({ api, random }) => {
    const name = `ghost-${ghost(random)}`;
    if (api.nodes.get(name) !== undefined) {
      api.nodes.delete(name);
    }
  },
};

const dataPlane: Record<string, Step> = {
  'flush routes': async ({ victim: { node } }) => {
    await node.exec(['ip', 'route', 'flush', 'proto', '201']);
    await node.exec(['ip', '-6', 'route', 'flush', 'proto', '201']);
  },
  'bend a route': ({ victim: { node }, victims }) => {
    const other = victims.find((one) => one.node !== node)!.node;
    return node.exec(['ip', 'route', 'change', other.podCidrs.ipv4, 'via', ROUTER.ipv4, 'proto', '201']);
  },
  'put a foreign route in place': async ({ victim: { node }, victims, random }) => {
    const dst = victims.find((one) => one.node !== node)!.node.podCidrs.ipv4;
    await node.exec(['ip', 'route', 'replace', dst, 'via', ROUTER.ipv4, 'proto', '4']);
    await pause(random.whole(0, 200));
    await node.exec(['ip', 'route', 'del', dst, 'proto', '4']);
  },
  'flush rules': async ({ victim: { node } }) => {
    for (const command of ['iptables', 'ip6tables']) {
      await node.exec([command, '-t', 'nat', '-F', 'POSTROUTING']);
    }
  },
  'link down and up': async ({ victim: { node }, random }) => {
    await node.ip('link set eth0 down');
    await pause(random.whole(0, 500));
    await node.ip(
      'link set eth0 up',
      `address replace ${node.address.ipv6}/${NETWORK.nodes.prefix.ipv6} dev eth0 nodad`,
      `route replace default via ${ROUTER.ipv4} dev eth0`,
      `route replace ::/0 via ${ROUTER.ipv6} dev eth0`,
      // The kernel itself takes with a link what leads over it, whosever it is.
      `route replace ${FOREIGN}`,
    );
  },
  'more events than the socket holds': ({ victim }) => overflow(victim),
};

/** While the agent is stopped, its routes are deleted among more changes than its socket buffer holds. */
const overflow = (victim: Victim): Promise<void> =>
  victim.asleep(async () => {
    using rt = openRtnetlink({ netns: `/proc/${victim.node.pid}/ns/net` });
    const routes = Array.from({ length: 20_000 }, (_, i) => ({
      dst: `198.${19 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`,
      via: ROUTER.ipv4,
    }));
    rt.batch(routes.map((route) => newRoute(route)));
    await victim.node.exec(['ip', 'route', 'flush', 'proto', '201']);
    rt.batch(routes.map((route) => delRoute(route)));
  });

async function addressOf(pod: Pod): Promise<string> {
  type Link = { addr_info: { family: string; local: string }[] };
  const [link] = await pod.ipJson<Link>('address', 'show', 'eth0');
  return link!.addr_info.find(({ family }) => family === 'inet')!.local;
}

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1' || !existsSync(program))(
  'cnikit-agent under faults (needs the sandbox and the build: run npm test at the root)',
  () => {
    let lab: Lab;
    let api: ApiServer;
    let victims: Victim[];

    beforeAll(async () => {
      lab = await Lab.create();
      api = await startApiServer({
        host: ROUTER.ipv4,
        rbacFile: fileURLToPath(new URL('../../../deploy/base/rbac.yaml', import.meta.url)),
      });
      victims = [];
      for (const [i, name] of ['n1', 'n2'].entries()) {
        const node = await lab.addNode(name);
        api.nodes.put(nodeObject(name, i + 1, 11 + i) as never);
        writeFileSync(node.path(KUBECONFIG), api.kubeconfig({ tokenFile: TOKEN, caFile: CA }));
        const victim = new Victim(node);
        victim.writeCredentials(api);
        victims.push(victim);
        await node.ip(`route add ${FOREIGN}`);
        await node.must(['iptables', '-N', 'OTHER']);
        await node.must(['iptables', '-A', 'OTHER', '-s', '203.0.113.0/24', '-j', 'RETURN']);
        victim.start();
        await vi.waitFor(
          () => expect(existsSync(node.path('/etc/cni/net.d/05-cnikit.conflist'))).toBe(true),
          {
            timeout: SETTLE_MS,
            interval: 20,
          },
        );
        await node.addPod(`pod-${name}`);
      }
    }, 120_000);

    afterAll(async () => {
      for (const victim of victims) {
        await victim.kill();
      }
      await api.close();
      await lab.destroy();
    });

    /** Plays a seed, ends all trouble, and waits until everything is right. */
    async function chaos(seed: number, possible: Record<string, Step>): Promise<void> {
      const random = new Random(seed);
      const names = Object.keys(possible);
      const done: string[] = [];
      for (let at = 0; at < STEPS; at++) {
        const name = names[random.whole(0, names.length - 1)]!;
        const victim = victims[random.whole(0, 1)]!;
        done.push(`${name} (${victim.node.name})`);
        await possible[name]!({ api, victims, victim, random });
        await pause(
          random.weighted([
            [3, 0],
            [2, random.whole(0, 50)],
            [1, random.whole(50, 400)],
          ]),
        );
      }
      api.faults.clear();
      // Cut hanging watches instead of waiting for the timeout.
      api.faults.dropWatches();
      for (const victim of victims) {
        victim.start();
      }
      const ended = performance.now();
      const right = (): void => {
        for (const victim of victims) {
          expect(victim.differences(api), done.join(', ')).toEqual([]);
        }
      };
      await vi.waitFor(right, { timeout: SETTLE_MS, interval: 10 });
      console.log(`seed ${seed}: right ${Math.round(performance.now() - ended)} ms after the last fault`);
      // Rules, files and sysctls as well, by the agent's own word.
      for (const victim of victims) {
        await vi.waitFor(
          async () => {
            const { stdout, stderr } = await victim.node.exec(victim.argv('plan'), { timeoutMs: SETTLE_MS });
            expect(stdout + stderr, done.join(', ')).toBe('Nothing to change\n');
          },
          { timeout: SETTLE_MS, interval: 100 },
        );
      }
      right();
      for (const { node } of victims) {
        expect(await node.must(['ip', 'route', 'show', '198.18.7.0/24'])).toContain(ROUTER.ipv4);
        expect(await node.must(['iptables', '-S', 'OTHER'])).toBe(
          '-N OTHER\n-A OTHER -s 203.0.113.0/24 -j RETURN\n',
        );
      }
    }

    test.each(SEEDS)(
      'seed %i: pods lose no packets while the control plane fails',
      async (seed) => {
        const [one, two] = victims.map(({ node }) => node.pods.get(`pod-${node.name}`)!);
        const ping = await startPing(one!, await addressOf(two!));
        await chaos(seed, controlPlane);
        expect(await ping.stop()).toMatchObject({ lost: 0 });
      },
      180_000,
    );

    const right = (): void => {
      for (const victim of victims) {
        expect(victim.differences(api)).toEqual([]);
      }
    };

    test('cnikit-agent run counts events that the kernel drops, and dumps the kernel after them', async () => {
      const victim = victims[0]!;
      victim.start();
      await vi.waitFor(right, { timeout: SETTLE_MS, interval: 10 });
      // Wait until the effects of the previous seeds have passed.
      const before = await vi.waitFor(
        async () => {
          const count = await victim.metric('kernel_overflows_total');
          expect(count).not.toBeNaN();
          return count;
        },
        { timeout: SETTLE_MS, interval: 50 },
      );
      await overflow(victim);
      expect(victim.differences(api)).not.toEqual([]);
      await vi.waitFor(right, { timeout: SETTLE_MS, interval: 10 });
      expect(await victim.metric('kernel_overflows_total')).toBeGreaterThan(before);
    }, 120_000);

    test.runIf(SOAK)(
      'cnikit-agent run keeps pods connected during an outage of the API server, repairs drift, and reconnects at once',
      async () => {
        for (const victim of victims) {
          victim.start();
        }
        await vi.waitFor(right, { timeout: SETTLE_MS, interval: 10 });
        const random = new Random(1);
        const since = performance.now();
        await api.stop();
        for (const name of ['flush routes', 'flush rules', 'put a foreign route in place']) {
          for (const victim of victims) {
            await dataPlane[name]!({ api, victims, victim, random });
          }
        }
        await overflow(victims[0]!);
        await vi.waitFor(right, { timeout: SETTLE_MS, interval: 10 });
        const [one, two] = victims.map(({ node }) => node.pods.get(`pod-${node.name}`)!);
        const ping = await startPing(one!, await addressOf(two!));
        await pause(60_000 - (performance.now() - since));
        await api.start();
        const back = performance.now();
        api.nodes.put(nodeObject('ghost-77', 77, 77) as never);
        await vi.waitFor(right, { timeout: SETTLE_MS, interval: 10 });
        console.log(`right ${Math.round(performance.now() - back)} ms after a minute without API server`);
        expect(await ping.stop()).toMatchObject({ lost: 0 });
        api.nodes.delete('ghost-77');
        await vi.waitFor(right, { timeout: SETTLE_MS, interval: 10 });
      },
      240_000,
    );

    test.each(SEEDS)(
      'seed %i: the node is right in the end after faults of everything',
      async (seed) => {
        await chaos(seed, { ...controlPlane, ...dataPlane });
      },
      180_000,
    );
  },
);
