import { basename } from 'node:path';
import { type Finding, Skipped } from './outcome.ts';
import { type PluginConfig, presetFor } from './profile.ts';
import type { Requirement } from './requirement.ts';
import { requirements } from './requirements/index.ts';
import { describe, Subject } from './subject.ts';

/** What to try. */
export interface ConformanceOptions {
  /** Path of the plugin's executable. */
  plugin: string;
  /** Its configuration, without name; a cniVersion in it is the highest that is tried. One that suits the executable's name if not given. */
  config?: PluginConfig;
  /** Further folders with plugins that it delegates to. */
  path?: readonly string[];
  /** Only these: `ENV`, `ENV-2` with its lettered parts, `ENV-2b`. */
  only?: readonly string[];
  /** Told of each finding as it comes. */
  onFinding?: (finding: Finding) => void;
}

/** What came of it. */
export interface Conformance {
  plugin: string;
  /** What sort of plugin it was taken for. */
  kind: Subject['kind'];
  versions: string[];
  findings: Finding[];
}

/**
 * Runs a plugin through the requirements of the CNI specification that can be seen from outside.
 *
 * It makes links and namespaces and lets the plugin do so, and must therefore be run inside
 * {@link inSandbox}; the process has to be single-minded about it, as findings depend on all links of the host.
 *
 * @throws Error if the plugin cannot be run at all.
 */
export async function runConformance(options: ConformanceOptions): Promise<Conformance> {
  const { plugin, only, onFinding } = options;
  const chosen = choose(only);
  const subject = new Subject(plugin, options.config ?? presetFor(basename(plugin)), options.path ?? []);
  await learn(subject);
  const findings: Finding[] = [];
  for (const { id, level, title, run } of chosen) {
    const finding: Finding = { id, level, title, verdict: 'pass', seen: '' };
    try {
      finding.seen = await run(subject);
    } catch (thrown) {
      const unmet = level === 'MUST' ? 'fail' : 'warn';
      finding.verdict = thrown instanceof Skipped ? 'skip' : unmet;
      finding.seen = thrown instanceof Error ? thrown.message : String(thrown);
    }
    await subject.cleanUp();
    findings.push(finding);
    onFinding?.(finding);
  }
  return { plugin, kind: subject.kind, versions: subject.versions, findings };
}

function choose(only: readonly string[] | undefined): readonly Requirement[] {
  if (!only) {
    return requirements;
  }
  for (const one of only) {
    if (!requirements.some(({ id }) => isMeant(id, one))) {
      throw new Error(`No requirement is called ${one}`);
    }
  }
  return requirements.filter(({ id }) => only.some((one) => isMeant(id, one)));
}

function isMeant(id: string, word: string): boolean {
  return id === word || id.replace(/[a-z]$/, '') === word || id.startsWith(`${word}-`);
}

/** Finds out which versions it speaks and what sort of plugin it is. */
async function learn(subject: Subject): Promise<void> {
  const reply = await subject.run('VERSION', undefined, { stdin: '{"cniVersion":"1.0.0"}' });
  const supported = reply.reply?.supportedVersions;
  subject.versions = Array.isArray(supported) ? supported.map(String) : ['0.1.0'];
  const tried: string[] = [];
  for (const kind of ['interface', 'chained'] as const) {
    subject.kind = kind;
    const added = await subject.run('ADD', subject.container());
    await subject.cleanUp();
    if (added.exitCode === 0) {
      if (kind === 'interface') {
        subject.kind = kindOf(added.reply);
      }
      subject.log.length = 0;
      return;
    }
    tried.push(describe(added));
  }
  throw new Error(
    `ADD fails, so nothing can be tried; give a configuration with --conf.\nAlone: ${tried[0]}\nAfter another plugin: ${tried[1]}`,
  );
}

/** By the result of a plugin that runs alone. */
function kindOf(result: Record<string, unknown> | undefined): Subject['kind'] {
  const interfaces = (result?.interfaces ?? []) as { name?: unknown }[];
  if (interfaces.length === 0) {
    return 'ipam';
  }
  return interfaces.every(({ name }) => name === 'lo') ? 'loopback' : 'interface';
}
