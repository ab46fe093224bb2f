import { copyFileSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Options } from 'tsup';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  version: string;
};

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/**
 * KubeConfig loads undici and every generated API, for methods that the agent never calls: 15 MB of a process that
 * has 90. In the bundle they are classes that say so when they are made.
 */
const withoutUnusedClients: Plugin = {
  name: 'without-unused-clients',
  setup(build) {
    build.onResolve({ filter: /^undici$|^\.\/gen\/index\.js$/ }, ({ path, importer }) =>
      importer.includes('client-node') ? { path, namespace: 'unused-client' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'unused-client' }, () => ({
      contents: `class Unused { constructor() { throw new Error('This API client is not part of the bundle'); } }
export { Unused as Agent, Unused as ProxyAgent, Unused as ServerConfiguration, Unused as createConfiguration };`,
    }));
  },
};

/**
 * Node fills all exports of its own modules when they are imported, also those that it makes when they are first asked
 * for: with node:http come undici and HTTP/2, 14 MB. By require() they stay lazy.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: /^[a-z0-9:_/]+$/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path)
        ? { path: path.replace(/^node:/, ''), namespace: 'lazy-builtin', sideEffects: false }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => ({
      contents: `module.exports = require('node:${path}');`,
    }));
    build.onResolve({ filter: /^node:/, namespace: 'lazy-builtin' }, ({ path }) => ({
      path,
      external: true,
    }));
  },
};

export default defineConfig({
  // One file for the image and for `node cnikit-agent.js`: nothing is installed beside it but the addon of @cnikit/sys.
  entry: { 'cnikit-agent': 'src/main.ts' },
  format: 'esm',
  target: 'node22.18',
  platform: 'node',
  noExternal: [/.*/],
  // By a plugin of tsup, before ours could see it.
  removeNodeProtocol: false,
  splitting: false,
  // Which packages are inside, for the image's bill of materials.
  metafile: true,
  esbuildOptions: (options) => {
    // tsup's chunks import each other without using anything of them; dropping such an import is what is wanted.
    options.logOverride = { 'ignored-bare-import': 'silent' };
  },
  define: { CNIKIT_VERSION: JSON.stringify(version) },
  esbuildPlugins: [withoutUnusedClients, lazyBuiltins],
  banner: {
    // CommonJS dependencies of the bundle require Node's own modules.
    js: "#!/usr/bin/env node\nimport { createRequire as cnikitRequire } from 'node:module';\nconst require = cnikitRequire(import.meta.url);",
  },
  onSuccess: async () => {
    const manifest = fileURLToPath(import.meta.resolve('@cnikit/sys/package.json'));
    const addon = `prebuilds/linux-${process.arch}/cnikit_sys.node`;
    copyFileSync(manifest.replace(/package\.json$/, addon), 'dist/cnikit_sys.node');
  },
});
