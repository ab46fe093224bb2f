// Creates the image's bill of materials (CycloneDX 1.6), in the two build stages that know its components:
//
//   sbom.mjs parts METAFILE             after the build, in the repository: the npm packages in the agent's bundle and
//                                       the engine of the static plugin
//   sbom.mjs document PARTS STATUS.D    in the image: the parts, Node and the Debian packages
//
// Both print JSON.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** @typedef {{ type: string, 'bom-ref': string, name: string, version: string, purl: string }} Component */

const [verb, ...paths] = process.argv.slice(2);
if (verb === 'parts' && paths.length === 1) {
  print([...bundled(paths[0]), quickjs(), ...own()]);
} else if (verb === 'document' && paths.length === 2) {
  print(document(readJson(paths[0]), paths[1]));
} else {
  throw new Error('Usage: sbom.mjs parts METAFILE | sbom.mjs document PARTS STATUS.D');
}

/** @param {Component[]} parts @param {string} statusDir */
function document(parts, statusDir) {
  const components = [
    ...parts,
    component('application', 'node', process.versions.node, 'generic'),
    ...debian(statusDir),
  ];
  return { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components };
}

/** @param {string} metafile esbuild's metafile, with paths relative to the package's folder */
function bundled(metafile) {
  const folder = dirname(dirname(resolve(metafile)));
  const roots = new Set();
  for (const input of Object.keys(readJson(metafile).inputs)) {
    const root = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (root !== undefined) {
      roots.add(resolve(folder, root));
    }
  }
  return [...roots].sort().map((root) => {
    const { name, version, license } = readJson(join(root, 'package.json'));
    return { ...component('library', name, version, 'npm'), licenses: [{ license: { id: license } }] };
  });
}

/** Lists the packages of this repository in the image. */
function own() {
  return ['agent', 'plugin'].map((folder) => {
    const { name, version } = readJson(join('packages', folder, 'package.json'));
    return component('application', name, version, 'npm');
  });
}

function quickjs() {
  const source = readFileSync('toolchain/static-exe/src/engine.ts', 'utf8');
  const version = /VERSION = '([^']+)'/.exec(source)?.[1];
  const content = /SHA256 = '([0-9a-f]{64})'/.exec(source)?.[1];
  if (version === undefined || content === undefined) {
    throw new Error('Cannot find VERSION and SHA256 in toolchain/static-exe/src/engine.ts');
  }
  return { ...component('library', 'quickjs', version, 'generic'), hashes: [{ alg: 'SHA-256', content }] };
}

/** @param {string} dir directory with one file of control fields per package */
function debian(dir) {
  return readdirSync(dir)
    .sort()
    .map((file) => {
      const control = readFileSync(join(dir, file), 'utf8');
      const field = (/** @type {string} */ name) =>
        new RegExp(`^${name}: (.*)$`, 'm').exec(control)?.[1] ?? '';
      return component('library', field('Package'), field('Version'), 'deb/debian');
    });
}

/** @param {string} type @param {string} name @param {string} version @param {string} where type of the purl @returns {Component} */
function component(type, name, version, where) {
  const purl = `pkg:${where}/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
  return { type, 'bom-ref': purl, name, version, purl };
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** @param {unknown} value */
function print(value) {
  console.log(JSON.stringify(value, undefined, 1));
}
