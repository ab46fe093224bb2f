/** Where the plugin's executable is. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AgentError } from '../core/error.ts';

/**
 * The one given, or the one that comes with the agent: beside it, as in the image, or in the package @cnikit/plugin.
 * Throws {@link AgentError} `NODE` when there is none.
 */
export function findPluginBinary(given: string | undefined): string {
  if (given !== undefined) {
    if (existsSync(given)) {
      return given;
    }
    throw new AgentError('USAGE', `There is no plugin executable at ${given}`);
  }
  const candidates = [join(dirname(fileURLToPath(import.meta.url)), 'cnikit')];
  try {
    const manifest = createRequire(import.meta.url).resolve('@cnikit/plugin/package.json');
    // The names are those of its executablePath(), which, bundled, would look beside the bundle.
    candidates.push(join(dirname(manifest), 'build', process.arch === 'arm64' ? 'cnikit-arm64' : 'cnikit'));
  } catch {
    // Not installed as a package.
  }
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) {
    return found;
  }
  throw new AgentError(
    'NODE',
    `There is no plugin executable to install (looked at ${candidates.join(', ')}): give --plugin-binary FILE`,
  );
}
