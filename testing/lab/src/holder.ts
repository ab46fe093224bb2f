import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { LabError } from './errors.ts';

/** A process that only holds its own namespaces. */
export interface Holder {
  /** Process id in the sandbox. */
  pid: number;
  /** Ends the process, and with it the namespaces that no other process uses. */
  end(): Promise<void>;
}

/**
 * Starts a process in new namespaces. The process is `cat`: it echoes a line when it is ready, and it exits with this
 * process because its input ends.
 *
 * @param namespaces flags of unshare, such as --net
 * @throws {LabError} CANNOT_START when the namespaces cannot be created
 */
export async function startHolder(namespaces: readonly string[]): Promise<Holder> {
  const child = spawn('unshare', [...namespaces, '--propagation', 'private', 'cat'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let trouble = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    trouble += text;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write('ready\n');
  await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  const { pid, exitCode } = child;
  if (pid === undefined || exitCode !== null) {
    throw new LabError('CANNOT_START', `Cannot create namespaces: ${trouble.trim()}`);
  }
  return {
    pid,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) {
        return;
      }
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
