import { type Family, families } from '@cnikit/ip';
import { IptablesError } from './errors.ts';
import type { Backend, Run } from './model.ts';
import { missing, type Programs, programs, runProgram } from './runner.ts';

/** Why a backend was chosen. */
export type BackendReason = 'given' | 'environment' | 'kubelet-hint' | 'rules' | 'default' | 'only-installed';

/** State of one backend. */
export interface BackendState {
  readonly installed: boolean;
  /** Number of rules of both families. */
  readonly rules: number;
  /** True when it holds a chain that marks the backend of the kubelet. */
  readonly hint: boolean;
  /**
   * Names of the chains of this family that start with the prefix. Chains in the unused backend still match
   * packets. To remove them, open that backend.
   */
  readonly own: readonly string[];
}

/** The chosen backend and the state of both. */
export interface BackendReport {
  readonly backend: Backend;
  readonly reason: BackendReason;
  readonly nft: BackendState;
  readonly legacy: BackendState;
  /** True when both hold rules: packets pass both, and each program sees only its own. */
  readonly mixed: boolean;
}

/** Chains of the mangle table that mark the backend of the kubelet (Kubernetes KEP-3178). */
const HINT = /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY) /m;

const BACKENDS: readonly Backend[] = ['nft', 'legacy'];

/** Reads the state of a backend. Omits `-t`, which would load the legacy module and make it look used. */
function readState(
  run: Run,
  backend: Backend,
  plain: Backend | undefined,
  family: Family,
  prefix?: string,
): BackendState {
  const results = families.map((each) => {
    const named = runProgram(run, [programs(each, backend).save]);
    return named.status === 127 && plain === backend ? runProgram(run, [programs(each).save]) : named;
  });
  const texts = results.map(({ status, stdout }) => (status === 0 ? stdout : ''));
  const chains = (texts[families.indexOf(family)] ?? '').matchAll(/^:(\S+) - /gm);
  const own = [...chains]
    .map(([, name]) => name as string)
    .filter((name) => prefix && name.startsWith(prefix));
  return {
    installed: results[families.indexOf(family)]?.status !== 127,
    rules: texts.reduce((sum, text) => sum + (text.match(/^(\[\d+:\d+\] )?-A /gm)?.length ?? 0), 0),
    hint: texts.some((text) => HINT.test(text)),
    own: [...new Set(own)],
  };
}

/** Parses `iptables v1.8.9 (nf_tables)`. Before version 1.8 the only backend was legacy. */
function backendOf(version: string): Backend {
  return version.includes('nf_tables') ? 'nft' : 'legacy';
}

/** Returns the backend of the commands that have no backend in their name. */
function plainBackend(run: Run, family: Family): Backend | undefined {
  const { status, stdout } = runProgram(run, [programs(family).main, '--version']);
  return status === 0 ? backendOf(stdout) : undefined;
}

/** A requested backend and the origin of the request. */
export interface WantedBackend {
  readonly backend: Backend;
  readonly reason: 'given' | 'environment';
}

/**
 * Returns the given backend, or that of the environment.
 *
 * @throws {IptablesError} `INVALID` when the environment names an unknown backend
 */
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
  throw new IptablesError('INVALID', `Invalid CNIKIT_IPTABLES_BACKEND "${hint}": expected nft or legacy`);
}

/**
 * Chooses the backend: the requested one, or as the wrapper in kube-proxy's image does the one with the
 * kubelet's hint chain, else legacy if it holds more rules than nft, else nft.
 *
 * @throws {IptablesError} `MISSING` when neither is installed
 */
export function detectBackend(
  run: Run,
  family: Family,
  wanted?: WantedBackend,
  prefix?: string,
): BackendReport {
  const plain = plainBackend(run, family);
  const seen = {
    nft: readState(run, 'nft', plain, family, prefix),
    legacy: readState(run, 'legacy', plain, family, prefix),
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
 * Returns the programs to use. Detects the backend only when none is requested.
 *
 * @throws {IptablesError} `MISSING` or `UNSUPPORTED_VERSION`
 */
export function openPrograms(run: Run, family: Family, wanted?: WantedBackend): Programs {
  const { backend } = wanted ?? detectBackend(run, family);
  const names = [programs(family, backend), programs(family)].find(({ main }, i) => {
    const { status, stdout } = runProgram(run, [main, '--version']);
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

/** The first version whose restore can wait for the lock, and that supports --random-fully. */
const MIN_VERSION = [1, 6, 2] as const;

function checkVersion(name: string, text: string): void {
  const version = /v(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
  const differing = MIN_VERSION.findIndex((part, i) => version[i] !== part);
  if (
    differing < 0 ||
    (version[differing] ?? Number.POSITIVE_INFINITY) > (MIN_VERSION[differing] as number)
  ) {
    return;
  }
  throw new IptablesError(
    'UNSUPPORTED_VERSION',
    `${name} ${version.join('.')} is too old: its restore cannot wait for the lock. Install ${MIN_VERSION.join('.')} or newer`,
  );
}
