/** Renders the manifests with kubectl and Helm. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export type Json = Record<string, unknown>;

export interface Manifest extends Json {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
}

export const deploy = fileURLToPath(new URL('..', import.meta.url));
export const chart = join(deploy, 'helm/cnikit');
/** Directory of Debian's Go libraries. */
const GOPATH = '/usr/share/gocode';

/**
 * Parses the objects of a YAML text.
 *
 * @throws {Error} when a document is invalid
 */
export function objects(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors[0] !== undefined) {
        throw document.errors[0];
      }
      return document.toJS() as Manifest | null;
    })
    .filter((one) => one !== null);
}

/** Maps objects by kind and name, for comparisons independent of their order. */
export function byName(manifests: readonly Manifest[]): Map<string, Manifest> {
  return new Map(manifests.map((one) => [`${one.kind}/${one.metadata.name}`, one]));
}

/** Runs `kubectl kustomize FOLDER`. Returns a string with the reason if that is not possible here. */
export function kustomize(folder: string): Manifest[] | string {
  const { status, stdout, stderr, error } = spawnSync('kubectl', ['kustomize', join(deploy, folder)], {
    encoding: 'utf8',
  });
  if (error !== undefined) {
    return missing('kubectl is not installed');
  }
  if (status !== 0) {
    throw new Error(stderr);
  }
  return objects(stdout);
}

/** Renders the chart for namespace kube-system. Returns a string with the reason if that is not possible here. */
export function renderChart(values: Json = {}): Manifest[] | string {
  const folder = mkdtempSync(join(tmpdir(), 'cnikit-chart-'));
  try {
    const file = join(folder, 'values.json');
    writeFileSync(file, JSON.stringify(values));
    const argv = renderer(file);
    if (typeof argv === 'string') {
      return missing(argv);
    }
    const [command, ...rest] = argv as [string, ...string[]];
    const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8' });
    if (status !== 0) {
      throw new Error(stderr);
    }
    return objects(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let built: string | undefined;

function renderer(values: string): string[] | string {
  if (spawnSync('helm', ['version']).status === 0) {
    return ['helm', 'template', 'cnikit', chart, '--namespace', 'kube-system', '--values', values];
  }
  if (!existsSync(join(GOPATH, 'src/github.com/Masterminds/sprig')) || spawnSync('go', ['version']).error) {
    return 'neither helm nor Go with sprig is installed';
  }
  if (built === undefined) {
    const out = join(deploy, 'build/render-chart');
    const { status, stderr } = spawnSync('go', ['build', '-o', out, '.'], {
      cwd: join(deploy, 'test/render-chart'),
      env: { ...process.env, GO111MODULE: 'off', GOPATH },
      encoding: 'utf8',
    });
    if (status !== 0) {
      throw new Error(stderr);
    }
    built = out;
  }
  return [built, chart, 'kube-system', values];
}

/** Returns the reason for a skip; in CI, where no tool may be missing, throws it. */
function missing(what: string): string {
  if (process.env.CNIKIT_DEPLOY_TOOLS === 'required') {
    throw new Error(what);
  }
  return what;
}

export function read(path: string): string {
  return readFileSync(join(deploy, path), 'utf8');
}
