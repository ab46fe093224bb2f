/**
 * The executable: its name, environment, stdin, stdout and exit code; everything else is in the plugins.
 *
 * The build evaluates this file and freezes the result, so nothing here may look at the machine outside of the
 * function that the host calls at start.
 */
import { sys } from '@cnikit/sys';
import { sameNetns } from './capabilities/same-netns.ts';
import { pluginFor, plugins } from './plugins/index.ts';

declare const __cnikit_argv: readonly string[];

const all = plugins(sys);

function main(): never {
  const run = pluginFor(all, __cnikit_argv[0] ?? '');
  const output = run({
    env: sys.environ(),
    stdin: () => sys.readFdText(0),
    sameNetns: (path) => sameNetns(sys, path),
  });
  if (output.stderr !== '') sys.writeFdText(2, output.stderr);
  if (output.stdout !== '') sys.writeFdText(1, output.stdout);
  return sys.exit(output.exitCode);
}

Object.assign(globalThis, { __cnikit_main: main });
