import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { LabError } from './errors.ts';

/** A process that does nothing but hold namespaces of its own. */
export interface Holder {
  /** Its process id, as seen in the sandbox. */
  pid: number;
  /** Ends it, and with it the namespaces that nothing else is in. */
  end(): Promise<void>;
}

/**
 * Starts a process in fresh namespaces. It is `cat`: it says that it is there by returning a line, and it ends
 * by itself when this process does, because its input ends then.
 *
 * @param namespaces flags of unshare, such as --net
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
    throw new LabError('CANNOT_START', `No namespaces can be made: ${trouble.trim()}`);
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
