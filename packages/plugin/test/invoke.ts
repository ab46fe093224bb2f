/** Runs a plugin as a runtime does: exec of the static executable, or in this process under Node. */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { sys } from '@cnikit/sys';
import { expect } from 'vitest';
import { UPSTREAM_VERSION, upstreamPlugins } from '../../../upstream-plugins.ts';
import { SOAK } from '../../../vitest.soak.ts';
import { executablePath } from '../src/executable-path.ts';
import { sameNetns } from '../src/netns/same-netns.ts';
import { pluginFor, plugins } from '../src/plugins/index.ts';
import { checkedResult } from './canonical.ts';

export interface Answer {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** stdout parsed as JSON, or undefined when it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON that the plugin printed
  json: any;
}

/** Runs the plugin of the given name, `cnikit` by default. */
export type Invoke = (env: Record<string, string>, conf: unknown, name?: string) => Answer;

function answer(exitCode: number, stdout: string, stderr: string): Answer {
  return { exitCode, stdout, stderr, json: stdout === '' ? undefined : JSON.parse(stdout) };
}

/** As `answer()`, of a plugin of this package. */
function ownAnswer(env: Record<string, string>, exitCode: number, stdout: string, stderr: string): Answer {
  if (env.CNI_COMMAND === 'ADD' && exitCode === 0) {
    expect(stdout).toBe(checkedResult(stdout));
  }
  return answer(exitCode, stdout, stderr);
}

function text(conf: unknown): string {
  return typeof conf === 'string' ? conf : JSON.stringify(conf);
}

const exec = (file: string, env: Record<string, string>, conf: unknown, of = ownAnswer): Answer => {
  const { status, stdout, stderr } = sys.run([file], { env, input: text(conf), timeoutMs: 30_000 });
  return of(env, status, stdout, stderr);
};

/** Links to the executable. The sandbox removes them at its end. */
const LINKS = '/run/cnikit-plugins';

/** Runs the executable by the name of a plugin. */
export const byExec: Invoke = (env, conf, name = 'cnikit') => {
  const link = `${LINKS}/${name}`;
  if (!existsSync(link)) {
    mkdirSync(LINKS, { recursive: true });
    symlinkSync(executablePath(), link);
  }
  return exec(link, env, conf);
};

const [newest] = upstreamPlugins();
/** Folder of the newest plugins of containernetworking/plugins. */
export const UPSTREAM_DIR = newest?.dir ?? '/usr/lib/cni';
/** True for the pinned version, false when only an older one is installed. */
export const isUpstreamPinned = newest?.version === UPSTREAM_VERSION;
/** Runs a plugin of containernetworking/plugins. */
export const runUpstream = (env: Record<string, string>, conf: unknown, name: string): Answer =>
  exec(`${UPSTREAM_DIR}/${name}`, { ...env, CNI_PATH: UPSTREAM_DIR }, conf, (_, ...output) =>
    answer(...output),
  );

/** Text that plugins wrote to standard error during the call. */
let written = '';
const all = plugins({
  ...sys,
  writeFdText(fd, more) {
    if (fd === 2) {
      written += more;
    } else {
      sys.writeFdText(fd, more);
    }
  },
});
const inProcess: Invoke = (env, conf, name = 'cnikit') => {
  written = '';
  const output = pluginFor(
    all,
    name,
  )({
    env,
    stdin: text(conf),
    sameNetns: (path) => sameNetns(sys, path),
  });
  return ownAnswer(env, output.exitCode, output.stdout, written + output.stderr);
};

/** Invokers that each suite runs with: the executable in `npm test`, Node in `npm run test:soak`. */
export const invokers: [name: string, invoke: Invoke][] = SOAK
  ? [['Node', inProcess]]
  : [['executable', byExec]];
