/**
 * Rehearses a release of the workflow in a clone, with a local registry: changesets writes versions and changelogs and
 * publishes, then an empty project installs the published packages by name.
 */
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { capture } from '../../process.mjs';
import type { Manifest, Package, Packed } from './packages.ts';
import { checkEntries, install } from './project.ts';
import { startRegistry } from './registry.ts';

const ENTRY = 'A change that is only rehearsed';
const BUILT = ['dist', 'build', 'prebuilds'];

/** Rehearses a release. Returns the problems. */
export async function rehearse(
  root: string,
  packed: readonly Packed[],
  scratch: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const clone = join(scratch, 'clone');
  const changesets = join(root, 'node_modules/.bin/changeset');
  const git = await capture(['git', 'clone', '--quiet', '--no-hardlinks', root, clone], { env });
  if (git.status !== 0) {
    return [`git clone: ${git.output}`];
  }
  bringBuilds(packed, clone);
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  writeFileSync(join(clone, '.changeset/rehearsal.md'), `---\n"@cnikit/sys": minor\n---\n\n${ENTRY}\n`);

  const versioned = await capture([changesets, 'version'], { cwd: clone, env });
  if (versioned.status !== 0) {
    return [`changeset version: ${versioned.output}`];
  }
  const problems = packed.flatMap((one) =>
    problemsOfVersion(one, join(clone, 'packages', basename(one.folder))),
  );
  withoutProvenance(packed, clone);

  const registry = await startRegistry(root, join(scratch, 'registry'), env);
  try {
    const published = await capture([changesets, 'publish', '--no-git-tag'], {
      cwd: clone,
      env: registry.env,
    });
    if (published.status !== 0) {
      return [...problems, `changeset publish: ${published.output}`];
    }
    const project = join(scratch, 'from-registry');
    await install(
      root,
      packed.map(({ name }) => `${name}@latest`),
      project,
      registry.env,
    );
    return [...problems, ...(await checkEntries(root, packed, project, env))];
  } finally {
    await registry.close();
  }
}

/** Copies the build outputs into the clone, which has committed files only. */
function bringBuilds(packages: readonly Package[], clone: string): void {
  for (const { folder } of packages) {
    for (const built of BUILT.filter((name) => existsSync(join(folder, name)))) {
      cpSync(join(folder, built), join(clone, 'packages', basename(folder), built), { recursive: true });
    }
  }
}

/** Checks that a changed package and its dependents have a new version and a changelog. */
function problemsOfVersion({ name, manifest }: Package, folder: string): string[] {
  const after = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const dependsOnChanged = name === '@cnikit/sys' || after.dependencies?.['@cnikit/sys'] !== undefined;
  if (!dependsOnChanged) {
    return [];
  }
  const problems: string[] = [];
  if (after.version === manifest.version) {
    problems.push(`${name}: the version stays ${after.version}`);
  }
  const changelog = join(folder, 'CHANGELOG.md');
  const text = existsSync(changelog) ? readFileSync(changelog, 'utf8') : '';
  if (!text.includes(`## ${after.version}`)) {
    problems.push(`${name}: no changelog of ${after.version}`);
  }
  if (name === '@cnikit/sys' && !text.includes(ENTRY)) {
    problems.push(`${name}: the changelog lacks the changeset`);
  }
  return problems;
}

/** Removes provenance, which only the workflow can state. */
function withoutProvenance(packages: readonly Package[], clone: string): void {
  for (const { folder } of packages) {
    const file = join(clone, 'packages', basename(folder), 'package.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { publishConfig?: { provenance?: boolean } };
    delete manifest.publishConfig?.provenance;
    writeFileSync(file, JSON.stringify(manifest, undefined, 2));
  }
}
