/**
 * `npm run bench -- netlink`: 5,000 routes added, dumped and removed by @cnikit/netlink in Node and by `ip`, in one
 * network namespace and one run, in turns; and the codec alone. A ratio below 1 means that we are faster.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { decodeRoute, delRoute, newLink, newRoute, openRoute, type RouteSpec } from '@cnikit/netlink';
import { encodeMessage, MessageReader, payloadOf } from '@cnikit/netlink/codec';
import { median, table } from './statistics.ts';

const ROUTES = 5_000;
const ROUNDS = 9;
const CODEC_MESSAGES = 1_000_000;

interface Row {
  what: string;
  /** Milliseconds, medians. */
  ours: number;
  ip: number;
}

const dst = (i: number): string => `10.${100 + (i >> 8)}.${i & 255}.0/24`;

function time(body: () => void): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

function run(argv: string[]): void {
  const [program, ...args] = argv;
  const { status, stderr } = spawnSync(program!, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
}

/** Routes by us and by `ip`, in turns. Needs a network namespace of its own, in which it makes a bridge. */
function routes(directory: string): Row[] {
  const rt = openRoute();
  rt.request(newLink({ kind: 'bridge', name: 'bench0', up: true }));
  const { index } = rt.link({ name: 'bench0' })!;
  run(['ip', 'address', 'add', '10.0.0.1/24', 'dev', 'bench0']);
  const all = Array.from({ length: ROUTES }, (_, i) => i);
  const lines = (verb: string): string =>
    all.map((i) => `route ${verb} ${dst(i)} via 10.0.0.9 dev bench0 proto 201\n`).join('');
  writeFileSync(`${directory}/add`, lines('add'));
  writeFileSync(`${directory}/del`, lines('del'));
  const spec = (i: number): RouteSpec => ({ dst: dst(i), via: '10.0.0.9', oif: index, protocol: 201 });
  const times: Record<string, { ours: number[]; ip: number[] }> = {};
  const note = (what: string, who: 'ours' | 'ip', ms: number): void => {
    times[what] ??= { ours: [], ip: [] };
    times[what][who].push(ms);
  };
  for (let round = 0; round < ROUNDS; round++) {
    note(
      'add',
      'ours',
      time(() => rt.batch(all.map((i) => newRoute(spec(i))))),
    );
    const dump = (): void => {
      const found = rt.routes({ family: 'ipv4', table: 254 }).length;
      if (found < ROUTES) throw new Error(`${found} routes where ${ROUTES} belong`);
    };
    note('dump', 'ours', time(dump));
    note(
      'dump',
      'ip',
      time(() => run(['ip', '-j', '-4', 'route', 'show'])),
    );
    note(
      'remove',
      'ours',
      time(() => rt.batch(all.map((i) => delRoute(spec(i))))),
    );
    note(
      'add',
      'ip',
      time(() => run(['ip', '-batch', `${directory}/add`])),
    );
    note(
      'remove',
      'ip',
      time(() => run(['ip', '-batch', `${directory}/del`])),
    );
  }
  rt.close();
  return Object.entries(times).map(([what, { ours, ip }]) => ({ what, ours: median(ours), ip: median(ip) }));
}

/** Messages per second of building and of decoding one simple route. */
function codec(): { encode: number; decode: number } {
  const specs = Array.from({ length: 1000 }, (_, i) => ({
    dst: dst(i),
    via: '10.0.0.9',
    oif: 7,
    protocol: 201,
  }));
  const encode = (): void => {
    for (let i = 0; i < CODEC_MESSAGES; i++) newRoute(specs[i % 1000]!);
  };
  const { payload } = newRoute({ dst: '10.244.1.0/24', via: '10.0.0.9', oif: 7, protocol: 201 });
  const message = encodeMessage({ type: 24, flags: 2, sequence: 1, port: 1 }, payload);
  const decode = (): void => {
    for (let i = 0; i < CODEC_MESSAGES; i++) {
      const reader = new MessageReader(message);
      while (reader.next()) decodeRoute(reader);
    }
  };
  if (decodeRoute(payloadOf(payload)).via !== '10.0.0.9') throw new Error('The codec is broken');
  const rate = (body: () => void): number => {
    body(); // the engine compiles it
    return (CODEC_MESSAGES / median([time(body), time(body), time(body)])) * 1000;
  };
  return { encode: rate(encode), decode: rate(decode) };
}

const directory = mkdtempSync(join(tmpdir(), 'cnikit-bench-'));
try {
  const rows = routes(directory).map(({ what, ours, ip }) => [
    what,
    ours.toFixed(1),
    ip.toFixed(1),
    (ours / ip).toFixed(2),
  ]);
  console.log(
    `${ROUTES} routes, ms: one batch or dump to objects of ours; ip -batch, ip -j route with its start`,
  );
  console.log(table([['', 'ours', 'ip', 'ratio'], ...rows]));
} finally {
  rmSync(directory, { recursive: true });
}
const { encode, decode } = codec();
const millions = (rate: number): string => (rate / 1e6).toFixed(2);
console.log(
  `\ncodec, one simple route, million messages/s: encode ${millions(encode)}, decode ${millions(decode)}`,
);
