/** Finds the plugin executable to install. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { executableName } from '@cnikit/plugin';
import { AgentError } from '../core/error.ts';

/**
 * Returns the given path, or that of the executable shipped with the agent: next to it, as in the image, or in the
 * package @cnikit/plugin.
 *
 * @throws {AgentError} `USAGE` when the given file does not exist, `NODE` when none is shipped
 */
export function findPluginBinary(given: string | undefined): string {
  if (given !== undefined) {
    if (existsSync(given)) {
      return given;
    }
    throw new AgentError('USAGE', `Plugin executable ${given} does not exist: correct --plugin-binary`);
  }
  const candidates = [join(dirname(fileURLToPath(import.meta.url)), 'cnikit')];
  try {
    const manifest = createRequire(import.meta.url).resolve('@cnikit/plugin/package.json');
    // Not executablePath(): in a bundle it would look next to the bundle.
    candidates.push(join(dirname(manifest), 'build', executableName()));
  } catch {
    // @cnikit/plugin is not installed, or not built for this architecture.
  }
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) {
    return found;
  }
  throw new AgentError(
    'NODE',
    `No plugin executable found at ${candidates.join(' or ')}: set --plugin-binary FILE`,
  );
}
