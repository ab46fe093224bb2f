import { basename } from 'node:path';
import { type Finding, Skipped } from './outcome.ts';
import { type PluginConfig, presetFor } from './profile.ts';
import type { Requirement } from './requirement.ts';
import { requirements } from './requirements/index.ts';
import { describe, Subject } from './subject.ts';

/** Options of {@link runConformance}. */
export interface ConformanceOptions {
  /** Path of the plugin's executable. */
  plugin: string;
  /**
   * Configuration of the plugin without name. A `cniVersion` limits the versions that are tested.
   *
   * @default the preset for the name of the executable
   */
  config?: PluginConfig | undefined;
  /** Further directories of the plugins that it delegates to. */
  path?: readonly string[];
  /**
   * PATH of the plugin's environment.
   *
   * @default '/usr/sbin:/usr/bin:/sbin:/bin'
   */
  searchPath?: string | undefined;
  /** Requirements to test: `ENV`, `ENV-2` with its lettered parts, or `ENV-2b`. */
  only?: readonly string[] | undefined;
  /** Receives each finding immediately. */
  onFinding?: (finding: Finding) => void;
}

/** Result of {@link runConformance}. */
export interface Conformance {
  plugin: string;
  /** Detected kind of the plugin. */
  kind: Subject['kind'];
  versions: string[];
  findings: Finding[];
}

/**
 * Tests a plugin against the requirements of the CNI specification that are observable from outside.
 *
 * It creates links and namespaces, and so does the plugin: call it inside {@link inSandbox}. The process must not
 * change links during the run, since findings depend on all links of the host.
 *
 * @throws {Error} when ADD of the plugin fails, or `only` names an unknown requirement
 */
export async function runConformance(options: ConformanceOptions): Promise<Conformance> {
  const { plugin, only, onFinding, path = [], searchPath } = options;
  const chosen = choose(only);
  const subject = new Subject(plugin, options.config ?? presetFor(basename(plugin)), path, searchPath);
  await detect(subject);
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
    if (!requirements.some(({ id }) => matches(id, one))) {
      throw new Error(`Unknown requirement ${one}`);
    }
  }
  return requirements.filter(({ id }) => only.some((one) => matches(id, one)));
}

function matches(id: string, selector: string): boolean {
  return id === selector || id.replace(/[a-z]$/, '') === selector || id.startsWith(`${selector}-`);
}

/** Detects the supported versions and the kind of the plugin. */
async function detect(subject: Subject): Promise<void> {
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
    `ADD fails, so no requirement can be tested: pass a configuration with --conf.\nAlone: ${tried[0]}\nAfter another plugin: ${tried[1]}`,
  );
}

/** Returns the kind of a plugin from its result without prevResult. */
function kindOf(result: Record<string, unknown> | undefined): Subject['kind'] {
  const interfaces = (result?.interfaces ?? []) as { name?: unknown }[];
  if (interfaces.length === 0) {
    return 'ipam';
  }
  return interfaces.every(({ name }) => name === 'lo') ? 'loopback' : 'interface';
}
