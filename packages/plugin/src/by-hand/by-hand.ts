/** What the executable does for a person who runs it: no runtime gives it arguments. */
import { type PluginIo, type PluginOutput, supportedVersions } from '@cnikit/cni-spec';
import packageJson from '../../package.json' with { type: 'json' };
import { explainNetwork } from './explain-network.ts';
import { help } from './help.ts';

/**
 * Runs a command of a person's.
 *
 * @param words of the command line behind the program's name
 * @param names of the plugins that the executable is
 */
export function byHand(
  words: readonly string[],
  names: readonly string[],
  io: Pick<PluginIo, 'stdin'>,
): PluginOutput {
  const [command = ''] = words;
  switch (command) {
    case 'version':
    case '--version':
      return said(`cnikit ${packageJson.version}\nCNI ${supportedVersions.join(', ')}\n`);
    case 'explain': {
      const { text, valid } = explainNetwork(typeof io.stdin === 'string' ? io.stdin : io.stdin());
      return { ...said(text), exitCode: valid ? 0 : 1 };
    }
    case 'help':
    case '--help':
    case '-h':
      return said(help(names));
    default:
      return {
        stdout: '',
        stderr: command === '' ? `\n${help(names)}` : `There is no command ${command}\n\n${help(names)}`,
        exitCode: command === '' ? 0 : 2,
      };
  }
}

function said(stdout: string): PluginOutput {
  return { stdout, stderr: '', exitCode: 0 };
}
