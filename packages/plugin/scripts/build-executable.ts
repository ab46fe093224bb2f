/** Makes build/cnikit: the plugin as one static file that needs nothing on the node. */
import { buildStaticExecutable } from '@cnikit/static-exe';

const at = (path: string) => new URL(`../${path}`, import.meta.url).pathname;

const { path, bytes } = await buildStaticExecutable({
  entry: at('src/main.ts'),
  lazy: { explain: at('src/explain.lazy.ts') },
  prepare: true,
  outfile: at('build/cnikit'),
  crashText: `${JSON.stringify({ code: 999, msg: 'The plugin crashed', details: 'See its standard error, and report this' })}\n`,
});
console.log(`${path}: ${bytes} bytes`);
