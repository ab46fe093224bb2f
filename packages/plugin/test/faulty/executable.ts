import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { sys } from '@cnikit/sys';
import { lazyScripts } from '../../scripts/lazy-scripts.ts';
import { plugins } from '../../src/plugins/index.ts';
import { FAULT_AT, FAULT_MODE, FAULT_REACHED, type FaultMode, KILLED } from './protocol.ts';

/** Which call goes wrong, and how. */
export interface Fault {
  mode: FaultMode;
  /** Counted from 1. */
  at: number;
}

/** What an invocation came to. */
export interface Ending {
  exitCode: number;
  stdout: string;
  /** The call at which it went wrong; undefined when it ended before. */
  reached: string | undefined;
  /** It ended without a word: killed, or unable to come back from another namespace. */
  died: boolean;
}

/** The plugin as it ships, but for a kernel that can fail. */
export interface FaultyExecutable {
  /** As the plugin of that name. */
  run(name: string, env: Record<string, string>, conf: object, fault?: Fault): Ending;
  remove(): void;
}

/** Builds it, in a folder of its own: it must never be taken for the one that ships. */
export async function faultyExecutable(): Promise<FaultyExecutable> {
  const folder = mkdtempSync('/run/cnikit-faulty-');
  const { path } = await buildStaticExecutable({
    entry: join(import.meta.dirname, 'main.ts'),
    lazy: lazyScripts,
    prepare: true,
    outfile: join(folder, 'executable'),
    crashText: '{"code":999,"msg":"The plugin crashed"}\n',
  });
  for (const name of plugins(sys).keys()) {
    symlinkSync(path, join(folder, name));
  }
  return {
    run(name, env, conf, fault) {
      const faults: Record<string, string> = fault
        ? { [FAULT_AT]: String(fault.at), [FAULT_MODE]: fault.mode }
        : {};
      const { status, stdout, stderr } = sys.run([join(folder, name)], {
        env: { ...env, ...faults },
        input: JSON.stringify(conf),
        timeoutMs: 120_000,
      });
      const reached = stderr.split('\n').find((line) => line.startsWith(FAULT_REACHED));
      return {
        exitCode: status,
        stdout,
        reached: reached?.slice(FAULT_REACHED.length),
        died: status === KILLED || (status !== 0 && stdout === ''),
      };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
