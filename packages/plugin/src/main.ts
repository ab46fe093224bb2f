/**
 * The executable: environment, stdin, stdout and exit code; everything else is in the plugin.
 *
 * The build evaluates this file and freezes the result, so nothing here may look at the machine outside of the
 * function that the host calls at start.
 */
import { dispatch } from '@cnikit/cni-spec';
import { sys } from '@cnikit/sys';
import { bridgePlugin } from './plugin.ts';
import { sameNetns } from './same-netns.ts';

const plugin = bridgePlugin(sys);

function main(): never {
  const output = dispatch(plugin, {
    env: sys.environ(),
    stdin: () => sys.readFdText(0),
    sameNetns: (path) => sameNetns(sys, path),
  });
  if (output.stderr !== '') sys.writeFdText(2, output.stderr);
  if (output.stdout !== '') sys.writeFdText(1, output.stdout);
  return sys.exit(output.exitCode);
}

Object.assign(globalThis, { __cnikit_main: main });
