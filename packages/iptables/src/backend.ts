import type { Family } from '@cnikit/ip';
import { IptablesError } from './errors.ts';
import type { Backend, Run } from './model.ts';
import { attempt, missing, type Programs, programs } from './runner.ts';

/** Why a backend was chosen. */
export type BackendReason = 'given' | 'environment' | 'kubelet-hint' | 'rules' | 'default' | 'only-installed';

/** What one backend holds. */
export interface BackendState {
  readonly installed: boolean;
  /** Rules of both families. */
  readonly rules: number;
  /** Chains by which the kubelet marks the backend it uses. */
  readonly hint: boolean;
  /**
   * Own chains of this family, told by the prefix. Those in the backend that is not in use still catch packets:
   * a handle opened with that backend removes them.
   */
  readonly own: readonly string[];
}

/** The chosen backend and what was seen of both. */
export interface BackendReport {
  readonly backend: Backend;
  readonly reason: BackendReason;
  readonly nft: BackendState;
  readonly legacy: BackendState;
  /** True when both hold rules: packets pass both, and each program sees only its own. */
  readonly mixed: boolean;
}

/** Chains that the kubelet makes in the mangle table so that others can tell its backend (Kubernetes KEP-3178). */
const HINT = /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY) /m;

const BACKENDS: readonly Backend[] = ['nft', 'legacy'];
const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/**
 * Reads what a backend holds, without -t: naming a table would load legacy's module for it and so make legacy
 * look used.
 */
function look(
  run: Run,
  backend: Backend,
  plain: Backend | undefined,
  family: Family,
  prefix?: string,
): BackendState {
  const results = FAMILIES.map((each) => {
    const named = attempt(run, [programs(each, backend).save]);
    return named.status === 127 && plain === backend ? attempt(run, [programs(each).save]) : named;
  });
  const texts = results.map(({ status, stdout }) => (status === 0 ? stdout : ''));
  const chains = (texts[FAMILIES.indexOf(family)] ?? '').matchAll(/^:(\S+) - /gm);
  const own = [...chains]
    .map(([, name]) => name as string)
    .filter((name) => prefix && name.startsWith(prefix));
  return {
    installed: results[FAMILIES.indexOf(family)]?.status !== 127,
    rules: texts.reduce((sum, text) => sum + (text.match(/^(\[\d+:\d+\] )?-A /gm)?.length ?? 0), 0),
    hint: texts.some((text) => HINT.test(text)),
    own: [...new Set(own)],
  };
}

/** From `iptables v1.8.9 (nf_tables)`; before 1.8 there was legacy only. */
function backendOf(version: string): Backend {
  return version.includes('nf_tables') ? 'nft' : 'legacy';
}

/** The backend of the commands without a backend in their name. */
function plainBackend(run: Run, family: Family): Backend | undefined {
  const { status, stdout } = attempt(run, [programs(family).main, '--version']);
  return status === 0 ? backendOf(stdout) : undefined;
}

/** A backend that somebody asked for, and who. */
export interface WantedBackend {
  readonly backend: Backend;
  readonly reason: 'given' | 'environment';
}

/** The argument, else the environment's hint. Throws `INVALID` for a hint that names no backend. */
export function wantedBackend(
  given: Backend | undefined,
  hint: string | undefined,
): WantedBackend | undefined {
  if (given !== undefined) {
    return { backend: given, reason: 'given' };
  }
  if (hint === undefined || hint === '') {
    return undefined;
  }
  if (hint === 'nft' || hint === 'legacy') {
    return { backend: hint, reason: 'environment' };
  }
  throw new IptablesError('INVALID', `The environment names the backend "${hint}"; it must be nft or legacy`);
}

/**
 * Chooses the backend as the wrapper in kube-proxy's image does: where the kubelet left its hint; else legacy
 * if it holds more rules than nft; else nft. What is wanted goes before all that.
 * Throws `MISSING` when neither is installed.
 */
export function detectBackend(
  run: Run,
  family: Family,
  wanted?: WantedBackend,
  prefix?: string,
): BackendReport {
  const plain = plainBackend(run, family);
  const seen = {
    nft: look(run, 'nft', plain, family, prefix),
    legacy: look(run, 'legacy', plain, family, prefix),
  };
  const report = (backend: Backend, reason: BackendReason): BackendReport => ({
    backend,
    reason,
    ...seen,
    mixed: seen.nft.rules > 0 && seen.legacy.rules > 0,
  });
  if (wanted !== undefined) {
    return report(wanted.backend, wanted.reason);
  }
  const [only, another] = BACKENDS.filter((backend) => seen[backend].installed);
  if (only === undefined) {
    throw missing(programs(family).save);
  }
  if (another === undefined) {
    return report(only, 'only-installed');
  }
  for (const backend of BACKENDS) {
    if (seen[backend].hint) {
      return report(backend, 'kubelet-hint');
    }
  }
  if (seen.legacy.rules > seen.nft.rules) {
    return report('legacy', 'rules');
  }
  return report('nft', seen.nft.rules > 0 ? 'rules' : 'default');
}

/**
 * The programs to use, checked to be there and new enough. Looks for a backend only when none is wanted.
 * Throws `MISSING`, `UNSUPPORTED_VERSION`.
 */
export function openPrograms(run: Run, family: Family, wanted?: WantedBackend): Programs {
  const { backend } = wanted ?? detectBackend(run, family);
  const names = [programs(family, backend), programs(family)].find(({ main }, i) => {
    const { status, stdout } = attempt(run, [main, '--version']);
    if (status !== 0 || (i === 1 && backendOf(stdout) !== backend)) {
      return false;
    }
    checkVersion(main, stdout);
    return true;
  });
  if (names === undefined) {
    throw missing(programs(family, backend).main);
  }
  return names;
}

/** The first version whose restore can wait for the lock, and that knows --random-fully. */
const OLDEST = [1, 6, 2] as const;

function checkVersion(name: string, text: string): void {
  const version = /v(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
  const differing = OLDEST.findIndex((part, i) => version[i] !== part);
  if (differing < 0 || (version[differing] ?? Number.POSITIVE_INFINITY) > (OLDEST[differing] as number)) {
    return;
  }
  throw new IptablesError(
    'UNSUPPORTED_VERSION',
    `${name} is version ${version.join('.')}, whose restore cannot wait for the lock; install ${OLDEST.join('.')} or newer`,
  );
}
