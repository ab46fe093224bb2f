import { copyFileSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Options } from 'tsup';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  version: string;
};

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/**
 * Replaces clients that the agent never uses: KubeConfig loads undici and every generated API, 15 MB of a
 * process that has 90. In the bundle they are classes that throw when constructed.
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
 * Loads Node's own modules with require(). An import initialises all exports of a module, the lazy ones too:
 * with node:http undici and HTTP/2, 14 MB.
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

const common: Options = {
  target: 'node22.18',
  platform: 'node',
  noExternal: [/.*/],
  // tsup's own plugin would remove the protocol before ours runs.
  removeNodeProtocol: false,
  splitting: false,
  esbuildOptions: (options) => {
    // tsup's chunks import each other without using anything; dropping such imports is intended.
    options.logOverride = { 'ignored-bare-import': 'silent' };
    // The process keeps its source: without comments, and with one byte for each character, it has 2 MB less. Names
    // and lines stay readable in stack traces.
    options.minifyWhitespace = true;
    options.charset = 'ascii';
    options.lineLimit = 120;
  },
  esbuildPlugins: [withoutUnusedClients],
};

// The image and `node cnikit-agent.js` need these two files, and the addon of @cnikit/sys beside them.
export default defineConfig([
  {
    ...common,
    entry: { 'cnikit-agent': 'src/start.ts' },
    format: 'esm',
    esbuildPlugins: [lazyBuiltins],
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as cnikitRequire } from 'node:module';\nconst require = cnikitRequire(import.meta.url);",
    },
  },
  {
    ...common,
    entry: { 'cnikit-agent-program': 'src/main.ts' },
    // Node saves the code of a module only before it runs, without most functions.
    format: 'cjs',
    // Lists the bundled packages, for the image's bill of materials.
    metafile: true,
    define: { CNIKIT_VERSION: JSON.stringify(version), 'import.meta.url': 'cnikitUrl' },
    // An expression: the function that start.ts calls.
    banner: {
      js: '(function (require, cnikitFile) {"use strict"; const cnikitUrl = require("node:url").pathToFileURL(cnikitFile).href;',
    },
    footer: { js: '})' },
    onSuccess: async () => {
      const manifest = fileURLToPath(import.meta.resolve('@cnikit/sys/package.json'));
      const addon = `prebuilds/linux-${process.arch}/cnikit_sys.node`;
      copyFileSync(manifest.replace(/package\.json$/, addon), 'dist/cnikit_sys.node');
    },
  },
]);
