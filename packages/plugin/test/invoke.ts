/** Runs the plugin as a runtime would, by exec of the static executable or in this process under Node. */
import { spawnSync } from 'node:child_process';
import { dispatch } from '@cnikit/cni-spec';
import { sys } from '@cnikit/sys';
import { executablePath } from '../src/executable-path.ts';
import { bridgePlugin } from '../src/plugin.ts';
import { sameNetns } from '../src/same-netns.ts';

export interface Answer {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** stdout as JSON; undefined when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever the plugin printed
  json: any;
}

export type Invoke = (env: Record<string, string>, conf: unknown) => Answer;

function answer(exitCode: number, stdout: string, stderr: string): Answer {
  return { exitCode, stdout, stderr, json: stdout === '' ? undefined : JSON.parse(stdout) };
}

function text(conf: unknown): string {
  return typeof conf === 'string' ? conf : JSON.stringify(conf);
}

const byExec: Invoke = (env, conf) => {
  const done = spawnSync(executablePath(), { env, input: text(conf), encoding: 'utf8', timeout: 30_000 });
  // A plugin that refuses its environment does not read stdin.
  if (done.error && !('code' in done.error && done.error.code === 'EPIPE')) throw done.error;
  return answer(done.status ?? -1, done.stdout, done.stderr);
};

const inProcess: Invoke = (env, conf) => {
  const output = dispatch(bridgePlugin(sys), {
    env,
    stdin: text(conf),
    sameNetns: (path) => sameNetns(sys, path),
  });
  return answer(output.exitCode, output.stdout, output.stderr);
};

/** Both ways; a suite runs once with each. */
export const ways: [name: string, invoke: Invoke][] = [
  ['executable', byExec],
  ['Node', inProcess],
];
