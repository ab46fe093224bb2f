/**
 * `npm run bench -- watch [--nodes=5000]`: memory and time to hold all nodes of a cluster, in @cnikit/watch and in other
 * clients; then the time to read an event in JSON and in protobuf. Figures depend on the machine: compare the rows of one
 * run.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from './lib/statistics.ts';
import { nodeObject } from './watch/nodes.ts';
import { measureReading } from './watch/reading.ts';

const { values } = parseArgs({ options: { nodes: { type: 'string', default: '5000' } } });
const count = Number(values.nodes);
const directory = mkdtempSync(join(tmpdir(), 'watch-bench-'));
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const nodes = JSON.stringify(Array.from({ length: count }, (_, at) => nodeObject(at)));
writeFileSync(join(directory, 'nodes.json'), nodes);

const server = spawn(
  process.execPath,
  [
    file('../../packages/apiserver-fake/src/cli.ts'),
    ...['--nodes', join(directory, 'nodes.json'), '--kubeconfig', join(directory, 'kubeconfig')],
    ...['--control', join(directory, 'control')],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  await once(server.stdout, 'data');
  console.log(`${count} nodes, ${(nodes.length / 1e6).toFixed(1)} MB of JSON; MB of RSS, ms`);
  for (const way of ['nothing', 'watch', 'protobuf', 'whole', 'informer']) {
    const output = execFileSync(
      process.execPath,
      ['--expose-gc', file('./watch/follower.mjs'), way, directory],
      {
        encoding: 'utf8',
      },
    );
    console.log(output.trim());
  }
} finally {
  server.kill();
  rmSync(directory, { recursive: true });
}

const [json, protobuf] = measureReading();
console.log('\nto read an event of a Node that changes nothing, processor time\n');
console.log(
  table(
    [json!, protobuf!].map(({ form, bytes, us }) => [
      form,
      `${bytes} bytes`,
      `${us.toFixed(1)} µs`,
      `${(us / json!.us).toFixed(2)}x`,
    ]),
  ),
);
