/**
 * A release as the workflow makes it, in a clone and to a registry of its own: changesets write versions and changelogs
 * and publish, and an empty project installs by name what was published.
 */
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { capture } from '../../process.mjs';
import type { Manifest, Package, Packed } from './packages.ts';
import { checkEntries, install } from './project.ts';
import { startRegistry } from './registry.ts';

const ENTRY = 'A change that is only rehearsed';
const BUILT = ['dist', 'build', 'prebuilds'];

/** Gives what went wrong. */
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

/** The clone has what is committed; what is published is built. */
function bringBuilds(packages: readonly Package[], clone: string): void {
  for (const { folder } of packages) {
    for (const built of BUILT.filter((name) => existsSync(join(folder, name)))) {
      cpSync(join(folder, built), join(clone, 'packages', basename(folder), built), { recursive: true });
    }
  }
}

/** One changed package gives all that depend on it a version, which names the new one. */
function problemsOfVersion({ name, manifest }: Package, folder: string): string[] {
  const after = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Versioned;
  const dependsOnChanged = name === '@cnikit/sys' || after.dependencies?.['@cnikit/sys'] !== undefined;
  if (!dependsOnChanged) {
    return [];
  }
  const problems: string[] = [];
  if (after.version === (manifest as Versioned).version) {
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

interface Versioned extends Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Provenance can be stated by the workflow's machine only. */
function withoutProvenance(packages: readonly Package[], clone: string): void {
  for (const { folder } of packages) {
    const file = join(clone, 'packages', basename(folder), 'package.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { publishConfig?: { provenance?: boolean } };
    delete manifest.publishConfig?.provenance;
    writeFileSync(file, JSON.stringify(manifest, undefined, 2));
  }
}
