import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { sys } from '@cnikit/sys';
import { lazyScripts } from '../../scripts/lazy-scripts.ts';
import { plugins } from '../../src/plugins/index.ts';
import { FAULT_AT, FAULT_MODE, FAULT_REACHED, type FaultMode, KILLED } from './protocol.ts';

/** Which system call fails, and how. */
export interface Fault {
  mode: FaultMode;
  /** Number of the call, from 1. */
  at: number;
}

/** Result of an invocation. */
export interface Outcome {
  exitCode: number;
  stdout: string;
  /** Name of the call that failed, or undefined when the invocation ended before it. */
  reached: string | undefined;
  /** True when it ended without output: killed, or unable to return from another namespace. */
  died: boolean;
}

/** The shipped plugin with injected system call failures. */
export interface FaultInjector {
  /** Runs it as the plugin of that name. */
  run(name: string, env: Record<string, string>, conf: object, fault?: Fault): Outcome;
  remove(): void;
}

/** Builds the executable in a private folder, so that it is never mistaken for the shipped one. */
export async function buildFaultInjector(): Promise<FaultInjector> {
  const folder = mkdtempSync('/run/cnikit-faults-');
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
