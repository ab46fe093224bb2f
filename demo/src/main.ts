// `npm run demo`: a cluster of namespaces that pings. What it does is in inside.ts; this part stays outside, makes
// the sandbox, and looks after a cluster that is to be kept.

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sandbox } from '../../tools/sandbox.mjs';
import { hostPids } from './host-pids.ts';
import { forgetKept, loadKept, saveKept, startOf } from './kept.ts';
import { execIn, printHelp } from './look-around.ts';
import { print } from './terminal.ts';

const INSIDE = fileURLToPath(new URL('./inside.ts', import.meta.url));
const LOGS = fileURLToPath(new URL('../../.cache/demo/logs', import.meta.url));

const USAGE = `npm run demo                        three nodes, six pods, every check; leaves nothing behind
npm run demo -- --keep              the same, and leaves the cluster up to look around in
npm run demo -- exec NAME [COMMAND] runs a command (a shell) in a node or pod of that cluster
npm run demo -- down                takes that cluster away`;

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...rest]: string[]): Promise<number> {
  switch (command) {
    case undefined:
      return demo();
    case '--keep':
      return keep();
    case 'exec':
      return exec(rest);
    case 'down':
      return down();
    default:
      print(USAGE);
      return command === '--help' || command === 'help' ? 0 : 2;
  }
}

function inside(...more: string[]): string[] {
  // Those of another day would mislead.
  rmSync(LOGS, { recursive: true, force: true });
  return [process.execPath, '--conditions=@cnikit/source', INSIDE, LOGS, ...more];
}

async function demo(): Promise<number> {
  const { status } = await sandbox(inside());
  return unlessInterrupted(status);
}

/** 130 and 143: ended by SIGINT or SIGTERM, and everything in the sandbox with it. */
function unlessInterrupted(status: number): number {
  if (status === 130 || status === 143) {
    print('\nInterrupted; nothing is left behind.');
  }
  return status;
}

async function keep(): Promise<number> {
  if (loadKept()) {
    print('A cluster is up already. To take it away first: npm run demo -- down');
    return 1;
  }
  forgetKept();
  const env = { ...process.env, CNIKIT_DEMO_TERMINAL: process.stdout.isTTY ? '1' : '0' };
  const { status, heldBy } = await sandbox(inside('keep'), { env, hold: true });
  if (heldBy === undefined) {
    return unlessInterrupted(status);
  }
  const cluster = readKept(heldBy);
  printHelp(cluster);
  return cluster.status;
}

/** Completes what the demo inside has noted with what only the outside sees. */
function readKept(heldBy: number) {
  const startedAt = startOf(heldBy) ?? '';
  const pids = hostPids(heldBy);
  const noted = loadKept({ unheld: true });
  if (!noted) {
    throw new Error('The demo inside has left no note of its cluster');
  }
  const places = noted.places.map((place) => ({ ...place, pid: pids.get(place.pid) ?? 0 }));
  const cluster = { ...noted, places, heldBy: { pid: heldBy, startedAt } };
  saveKept(cluster);
  return cluster;
}

async function exec([name, ...argv]: string[]): Promise<number> {
  const cluster = loadKept();
  if (!cluster || name === undefined) {
    print(cluster ? USAGE : 'No cluster is up. To bring one up: npm run demo -- --keep');
    return 2;
  }
  return execIn(cluster, name, argv);
}

function down(): number {
  const cluster = loadKept();
  forgetKept();
  if (!cluster?.heldBy) {
    print('No cluster is up');
    return 0;
  }
  process.kill(cluster.heldBy.pid, 'SIGKILL');
  print('The cluster is gone, nothing is left behind');
  return 0;
}
