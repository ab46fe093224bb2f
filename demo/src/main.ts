// `npm run demo`: a cluster of namespaces that pings. This part runs outside: it creates the sandbox, starts inside.ts
// in it, and manages a kept cluster.

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sandbox } from '../../tools/sandbox.mjs';
import { execIn, printHelp } from './exec.ts';
import { hostPids } from './host-pids.ts';
import { deleteSession, loadSession, type Session, saveSession, startOf } from './session.ts';
import { print } from './terminal.ts';

const INSIDE = fileURLToPath(new URL('./inside.ts', import.meta.url));
const LOGS = fileURLToPath(new URL('../../.cache/demo/logs', import.meta.url));

const USAGE = `npm run demo                        run three nodes, six pods and every check, then remove them
npm run demo -- --keep              the same, but keep the cluster for inspection
npm run demo -- exec NAME [COMMAND] run a command (default: a shell) in a node or pod of the kept cluster
npm run demo -- down                remove the kept cluster

CNIKIT_DEMO_LAYOUT=bridge gives each pod a port of a bridge instead of its own route.`;

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});

async function main([command, ...rest]: string[]): Promise<number> {
  if (command !== 'exec' && rest.length > 0) {
    console.error(`Unexpected argument "${rest[0]}"\n\n${USAGE}`);
    return 2;
  }
  switch (command) {
    case undefined:
      return demo();
    case '--keep':
      return keep();
    case 'exec':
      return exec(rest);
    case 'down':
      return down();
    case '--help':
    case '-h':
    case 'help':
      print(USAGE);
      return 0;
    default:
      console.error(`Unknown argument "${command}"\n\n${USAGE}`);
      return 2;
  }
}

function inside(...more: string[]): string[] {
  // Delete the logs of earlier runs.
  rmSync(LOGS, { recursive: true, force: true });
  return [process.execPath, '--conditions=@cnikit/source', INSIDE, LOGS, ...more];
}

async function demo(): Promise<number> {
  const { status } = await sandbox(inside());
  return reportInterrupt(status);
}

/** Prints a line for status 130 (SIGINT) and 143 (SIGTERM), which end the whole sandbox. */
function reportInterrupt(status: number): number {
  if (status === 130 || status === 143) {
    print('\nInterrupted; nothing is left behind.');
  }
  return status;
}

async function keep(): Promise<number> {
  if (loadSession()) {
    print('A kept cluster is already up. To remove it: npm run demo -- down');
    return 1;
  }
  deleteSession();
  const env = { ...process.env, CNIKIT_DEMO_TERMINAL: process.stdout.isTTY ? '1' : '0' };
  const { status, heldBy } = await sandbox(inside('keep'), { env, hold: true });
  if (heldBy === undefined) {
    return reportInterrupt(status);
  }
  const session = completeSession(heldBy);
  printHelp(session);
  return session.status;
}

/** Adds the process ids of the host to the session that the demo has written in the sandbox. */
function completeSession(heldBy: number): Session {
  const startedAt = startOf(heldBy) ?? '';
  const pids = hostPids(heldBy);
  const written = loadSession({ unheld: true });
  if (!written) {
    throw new Error('The demo has not recorded its cluster: run it again');
  }
  const namespaces = written.namespaces.map((one) => ({ ...one, pid: pids.get(one.pid) ?? 0 }));
  const session = { ...written, namespaces, heldBy: { pid: heldBy, startedAt } };
  saveSession(session);
  return session;
}

async function exec([name, ...argv]: string[]): Promise<number> {
  const session = loadSession();
  if (!session || name === undefined) {
    print(session ? USAGE : 'No cluster is up. To start one: npm run demo -- --keep');
    return 2;
  }
  return execIn(session, name, argv);
}

function down(): number {
  const session = loadSession();
  deleteSession();
  if (!session?.heldBy) {
    print('No cluster is up');
    return 0;
  }
  process.kill(session.heldBy.pid, 'SIGKILL');
  print('Removed the cluster; nothing is left behind');
  return 0;
}
