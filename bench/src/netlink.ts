/**
 * `npm run bench -- netlink`: adds, dumps and removes 5,000 routes with @cnikit/netlink, in Node and in a static
 * executable, with `ip` and with the npm package `netlink`. They alternate in one network namespace. Then it measures the
 * codec alone. Ratios are relative to `ip`: below 1 means faster.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { decodeRoute, newLink, newRoute, openRtnetlink } from '@cnikit/netlink';
import { encodeMessage, MessageReader, payloadOf } from '@cnikit/netlink/codec';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { median, table } from './lib/statistics.ts';
import { measureIp, run } from './routes/ip.ts';
import { measureNpmNetlink } from './routes/npm-netlink.ts';
import { measureOurs } from './routes/ours.ts';
import { destination, GATEWAY, PROTOCOL, ROUTES, type Times } from './routes/task.ts';

const ROUNDS = Number(process.env.CNIKIT_BENCH_ROUNDS ?? 9);
const CODEC_MESSAGES = 1_000_000;
const LINK = 'bench0';
const STEPS = ['add', 'dump', 'remove'] as const;
/** Goals for @cnikit/netlink in Node, relative to `ip`. */
const GOALS: Times = { add: 0.6, dump: 2, remove: 0.6 };

/** Measures all contenders in alternation. Creates a bridge, so it needs a separate network namespace. */
async function routes(directory: string): Promise<Map<string, Times[]>> {
  const outfile = join(directory, 'routes');
  const entry = fileURLToPath(new URL('routes/executable.ts', import.meta.url));
  const { path: executable } = await buildStaticExecutable({ entry, outfile });
  const rt = openRtnetlink();
  rt.request(newLink({ kind: 'bridge', name: LINK, up: true }));
  const { index } = rt.link({ name: LINK })!;
  run(['ip', 'address', 'add', '10.0.0.1/24', 'dev', LINK]);
  const who: Record<string, () => Times | Promise<Times>> = {
    '@cnikit/netlink in Node': () => measureOurs(rt, index, () => performance.now()),
    '@cnikit/netlink in QuickJS': () => JSON.parse(run([executable, String(index)])),
    'ip -batch, ip -j': () => measureIp(directory, LINK),
    'npm netlink 0.3.0': () => measureNpmNetlink(index),
  };
  const times = new Map<string, Times[]>(Object.keys(who).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, measure] of Object.entries(who)) {
      times.get(name)!.push(await measure());
    }
  }
  rt.close();
  return times;
}

function report(times: Map<string, Times[]>): string {
  const of = (name: string, step: keyof Times) => median(times.get(name)!.map((one) => one[step]));
  const rows = [...times.keys()].map((name) => [
    name,
    ...STEPS.flatMap((step) => {
      const ratio = of(name, step) / of('ip -batch, ip -j', step);
      return [of(name, step).toFixed(1), ratio.toFixed(2)];
    }),
  ]);
  const goals = ['goal of ours', ...STEPS.flatMap((step) => ['', `<= ${GOALS[step]}`])];
  return table([['', ...STEPS.flatMap((step) => [step, 'ratio'])], ...rows, goals]);
}

/** Measures how many simple routes the codec encodes and decodes per second. */
function codec(): { encode: number; decode: number } {
  const specs = Array.from({ length: 1000 }, (_, i) => ({
    dst: `${destination(i)}/24`,
    via: GATEWAY,
    oif: 7,
    protocol: PROTOCOL,
  }));
  const encode = (): void => {
    for (let i = 0; i < CODEC_MESSAGES; i++) {
      newRoute(specs[i % 1000]!);
    }
  };
  const { payload } = newRoute({ dst: '10.244.1.0/24', via: '10.0.0.9', oif: 7, protocol: 201 });
  const message = encodeMessage({ type: 24, flags: 2, sequence: 1, port: 1 }, payload);
  const decode = (): void => {
    for (let i = 0; i < CODEC_MESSAGES; i++) {
      const reader = new MessageReader(message);
      while (reader.next()) {
        decodeRoute(reader);
      }
    }
  };
  if (decodeRoute(payloadOf(payload)).via !== '10.0.0.9') {
    throw new Error('The codec is broken');
  }
  const rate = (body: () => void): number => {
    const time = (): number => {
      const start = performance.now();
      body();
      return performance.now() - start;
    };
    time(); // warm up the compiler
    return (CODEC_MESSAGES / median([time(), time(), time()])) * 1000;
  };
  return { encode: rate(encode), decode: rate(decode) };
}

const directory = mkdtempSync(join(tmpdir(), 'cnikit-bench-'));
try {
  console.log(`${ROUTES} routes, ms, medians of ${ROUNDS}`);
  console.log(report(await routes(directory)));
} finally {
  rmSync(directory, { recursive: true });
}
const { encode, decode } = codec();
const millions = (rate: number): string => (rate / 1e6).toFixed(2);
console.log(
  `\ncodec, one simple route, million messages/s (goal 1): encode ${millions(encode)}, decode ${millions(decode)}`,
);
