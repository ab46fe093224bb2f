/**
 * Makes the plugin as one static file that needs nothing on the node: of each architecture in CNIKIT_ARCHES, or of
 * this machine's.
 */
import { type Arch, buildStaticExecutable } from '@cnikit/static-exe';
import { executablePath } from '../src/executable-path.ts';
import { lazyScripts } from './lazy-scripts.ts';

const at = (path: string) => new URL(`../${path}`, import.meta.url).pathname;

for (const arch of (process.env.CNIKIT_ARCHES ?? process.arch).split(',') as Arch[]) {
  const { path, bytes } = await buildStaticExecutable({
    entry: at('src/main.ts'),
    lazy: lazyScripts,
    prepare: true,
    arch,
    outfile: executablePath(arch),
    crashText: `${JSON.stringify({ code: 999, msg: 'The plugin crashed', details: 'See its standard error, and report this' })}\n`,
  });
  console.log(`${path}: ${bytes} bytes`);
}
