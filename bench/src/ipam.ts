/**
 * `npm run bench -- ipam`: compares ADD and DEL of @cnikit/ipam on files, called in Node, with the reference host-local,
 * which runs as a process. The row of the empty pool shows how much of the reference's time is the start of its process.
 * The additional time of the other rows is its search.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ipam } from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import { sys } from '@cnikit/sys';
import { upstreamPlugins } from '../../upstream-plugins.ts';
import { median, table } from './lib/statistics.ts';

const ROUNDS = Number(process.env.CNIKIT_BENCH_ROUNDS ?? 15);
const REFERENCE = `${upstreamPlugins()[0]?.dir ?? '/usr/lib/cni'}/host-local`;
const root = mkdtempSync('/run/cnikit-bench-ipam-');

/** A pool: its subnet, its reserved addresses, and the last reserved address if it differs from the last of those. */
interface Pool {
  name: string;
  subnet: string;
  taken: string[];
  from?: string;
}

interface Times {
  add: number[];
  del: number[];
}

const tail = (i: number) => `${i >> 8}.${i & 255}`;
const pools: Pool[] = [
  { name: 'empty /24', subnet: '10.1.2.0/24', taken: [] },
  { name: '/24, 250 taken', subnet: '10.1.2.0/24', taken: range(250).map((i) => `10.1.2.${i + 2}`) },
  {
    name: '/64, 250 taken',
    subnet: 'fd00::/64',
    taken: range(250).map((i) => `fd00::${(i + 2).toString(16)}`),
  },
  {
    name: '/16, 60,000 taken',
    subnet: '10.1.0.0/16',
    taken: range(60_000).map((i) => `10.1.${tail(i + 2)}`),
  },
  {
    name: '/16, 60,000 taken, all ahead',
    subnet: '10.1.0.0/16',
    taken: range(60_000).map((i) => `10.1.${tail(i + 2)}`),
    from: '10.1.255.254',
  },
];

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** Measures an action in milliseconds. */
function time(action: () => void): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

/** Writes a directory as it is on a host after that many ADDs. */
function fill(dir: string, { taken }: Pool): void {
  mkdirSync(dir, { recursive: true });
  for (const [i, address] of taken.entries()) {
    writeFileSync(join(dir, address), `${i}${'0'.repeat(59)}\r\neth0`);
  }
  if (taken.length > 0) {
    writeFileSync(join(dir, 'last_reserved_ip.0'), taken.at(-1)!);
  }
}

function reference(verb: string, containerID: string, dataDir: string, pool: Pool, args = ''): void {
  const { stdout, status, error } = spawnSync(REFERENCE, {
    input: JSON.stringify({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'x',
      ipam: { type: 'host-local', dataDir, subnet: pool.subnet },
    }),
    env: {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: containerID,
      CNI_IFNAME: 'eth0',
      CNI_NETNS: '/proc/none/ns/net',
      CNI_PATH: '/nowhere',
      CNI_ARGS: args,
    },
    encoding: 'utf8',
  });
  if (error || status !== 0) {
    throw new Error(`host-local ${verb}: ${error?.message ?? stdout}`);
  }
}

/** Measures one pool: each round runs ours, then the reference. `rebuild` is the first ADD after foreign writes. */
function measure(pool: Pool, index: number): { ours: Times; theirs: Times; rebuild: number } {
  const [left, right] = [join(root, `${index}-ours`), join(root, `${index}-theirs`)];
  for (const dir of [left, right]) {
    fill(join(dir, 'net'), pool);
  }
  const ipam = new Ipam({
    rangeSets: [[{ subnet: pool.subnet }]],
    store: fileStore({ sys, dir: join(left, 'net') }),
  });
  const owner = (containerID: string) => ({ containerID, ifName: 'eth0' });
  const rebuild = time(() => void ipam.add(owner('first')));
  ipam.del(owner('first'));
  const ours: Times = { add: [], del: [] };
  const theirs: Times = { add: [], del: [] };
  for (let i = 0; i < ROUNDS; i++) {
    if (pool.from) {
      ipam.add({ ...owner('from'), requested: [pool.from] });
      ipam.del(owner('from'));
      reference('ADD', 'from', right, pool, `IP=${pool.from}`);
      reference('DEL', 'from', right, pool);
    }
    ours.add.push(time(() => void ipam.add(owner('new'))));
    theirs.add.push(time(() => reference('ADD', 'new', right, pool)));
    ours.del.push(time(() => void ipam.del(owner('new'))));
    theirs.del.push(time(() => reference('DEL', 'new', right, pool)));
  }
  for (const dir of [left, right]) {
    rmSync(dir, { recursive: true });
  }
  return { ours, theirs, rebuild };
}

try {
  const rows = pools.map((pool, index) => {
    const { ours, theirs, rebuild } = measure(pool, index);
    const cells = (['add', 'del'] as const).flatMap((verb) => {
      const [mine, other] = [median(ours[verb]), median(theirs[verb])];
      return [mine.toFixed(2), other.toFixed(1), `${Math.round(other / mine)}x`];
    });
    return [pool.name, ...cells, rebuild.toFixed(1)];
  });
  console.log(`\nMedian of ${ROUNDS}, ms: @cnikit/ipam called, host-local exec'd`);
  console.log(
    table([
      ['', 'ADD', 'host-local', 'ratio', 'DEL', 'host-local', 'ratio', 'first ADD on foreign files'],
      ...rows,
    ]),
  );
} finally {
  rmSync(root, { recursive: true });
}
