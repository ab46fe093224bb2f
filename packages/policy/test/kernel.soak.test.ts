import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SOAK, soakSeed, soakSize } from '../../../vitest.soak.ts';
import { type Cluster, compile, decide, formatNft, readCluster } from '../src/index.ts';
import { policy } from './clusters.ts';
import { ANSWER_ALL, LivePod, type Probe } from './pods.ts';
import { addressesOf, objectsOf, PODS, UPSTREAM } from './upstream.ts';

const seed = soakSeed(20_260_102);
const PORTS = [80, 81];
let pods: LivePod[] = [];

beforeAll(async () => {
  execFileSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', ...ANSWER_ALL]);
  pods = PODS.map((name, index) => new LivePod(name, index));
  await Promise.all(pods.map((pod) => pod.ready()));
});

afterAll(() => {
  for (const pod of pods) {
    pod.stop();
  }
});

/** Programs a ruleset with answers in place of silence, so that no probe waits. */
function program(cluster: Cluster): void {
  const rules = formatNft(compile(cluster, 'n1'), { podCIDRs: ['10.0.0.0/24', 'fd00::/120'] });
  const answering = rules.replaceAll(
    /^(.*)\bdrop$/gm,
    '$1meta l4proto tcp reject with tcp reset\n$1reject with icmpx admin-prohibited',
  );
  execFileSync('nft', ['-f', '-'], { input: answering });
}

interface Asked extends Probe {
  from: string;
  to: string;
}

const ASKED: Asked[] = PODS.flatMap((from) =>
  PODS.filter((to) => to !== from).flatMap((to) =>
    Object.values(addressesOf(to)).flatMap((address) =>
      (['TCP', 'UDP'] as const).flatMap((protocol) =>
        PORTS.map((port) => ({ from, to, address, protocol, port })),
      ),
    ),
  ),
);

/** Returns the probes whose answers differ from the expectation. */
async function wrong(allowed: (asked: Asked) => boolean): Promise<string[]> {
  const answers = await Promise.all(
    pods.map(async (pod) => {
      const own = ASKED.filter(({ from }) => from === pod.name);
      const arrived = await pod.ask(own);
      return own.flatMap((asked, index) =>
        arrived[index] === allowed(asked)
          ? []
          : [
              `${asked.from} to ${asked.to} ${asked.address} ${asked.protocol} ${asked.port}: ${arrived[index] ? 'arrived' : 'rejected'}`,
            ],
      );
    }),
  );
  return answers.flat();
}

/** Every upstream case in the soak run, every sixth in `npm test`. */
const tried = UPSTREAM.filter((_, index) => SOAK || index % 6 === 0);

test.each(tried.map((one) => [one.title, one] as const))(
  'the kernel with the rules of formatNft() follows upstream case %s',
  async (_, one) => {
    program(readCluster(objectsOf(one)));
    expect(await wrong((asked) => !one.denies(asked))).toEqual([]);
  },
);

test(`the kernel with the rules of formatNft() agrees with decide() on random policies, seed ${seed}`, {
  timeout: 600_000,
}, async () => {
  const podLabels = Object.fromEntries(
    PODS.map((pod, index) => [pod, { app: pod.slice(-1), tier: index % 2 ? 'front' : 'back' }]),
  );
  const base = objectsOf({ title: '', policies: [], podLabels, denies: () => false });
  await fc.assert(
    fc.asyncProperty(fc.array(policy, { minLength: 1, maxLength: 5 }), async (policies) => {
      const cluster = readCluster([...base, ...policies]);
      program(cluster);
      const differences = await wrong(
        ({ from, to, address, protocol, port }) =>
          decide(cluster, from, to, protocol, port, address.includes(':') ? 'ipv6' : 'ipv4').allowed,
      );
      expect(differences).toEqual([]);
    }),
    { seed, numRuns: soakSize(10, 200), endOnFailure: true },
  );
});
