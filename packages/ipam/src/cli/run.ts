import { parseArgs } from 'node:util';
import { ignoreErrno, type Sys } from '@cnikit/sys';
import { collect, selectStale } from '../collect.ts';
import { REFERENCE_DATA_DIR, VOLATILE_DATA_DIR } from '../config.ts';
import { IpamError } from '../errors.ts';
import { fieldsOf, stringAt } from '../fields.ts';
import type { Owner, Problem } from '../store.ts';
import { type Located, listAll, type Network, networksIn } from './networks.ts';
import { age, table } from './table.ts';

const USAGE = `Usage: cnikit-ipam list                          list all reservations
       cnikit-ipam show ADDRESS|CONTAINER...     show those of an address or container
       cnikit-ipam release ADDRESS|CONTAINER...  free those of an address or container
       cnikit-ipam gc --valid FILE [--dry-run]   free all that FILE does not list

  --data-dir DIR   parent of the networks' directories; may be repeated
                   (default: ${VOLATILE_DATA_DIR} and ${REFERENCE_DATA_DIR})
  --network NAME   use only this network
  --valid FILE     valid attachments as JSON, or - for standard input:
                   [{"containerID": "...", "ifname": "eth0"}]
  --before TIME    gc: keep reservations made since this ISO 8601 time
  --dry-run        gc: print what would be freed, and free nothing
  --json           print JSON
  --help, -h       print this text
  --version        print the version
`;

/** Everything that the command reads from and writes to. */
export interface CliEnv {
  sys: Sys;
  /** Prints to standard output or error. */
  out: (text: string) => void;
  err: (text: string) => void;
  version: string;
}

/** An error in the arguments. */
class UsageError extends Error {}

function parse(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        'data-dir': { type: 'string', multiple: true },
        network: { type: 'string' },
        valid: { type: 'string' },
        before: { type: 'string' },
        'dry-run': { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
    return { ...values, verb: positionals[0], subjects: positionals.slice(1) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Largest list of attachments, in bytes. */
const MAX_VALID = 1 << 26;

const ATTACHMENT_KEYS = { containerID: null, ifname: null };

/** Reads a file of attachments, in the format of cni.dev/valid-attachments. */
function readValid(sys: Sys, file: string): Owner[] {
  const text = file === '-' ? sys.readFdText(0, MAX_VALID) : sys.readText(file, MAX_VALID);
  const entries = parseJson(text, file);
  if (!Array.isArray(entries)) {
    throw new UsageError(`${file} must contain a JSON array of attachments`);
  }
  return entries.map((entry, i) => {
    const fields = fieldsOf(entry, `${file}[${i}]`, ATTACHMENT_KEYS);
    const containerID = stringAt(fields, 'containerID', `${file}[${i}].`);
    const ifName = stringAt(fields, 'ifname', `${file}[${i}].`);
    if (containerID && ifName) {
      return { containerID, ifName };
    }
    throw new UsageError(`${file}[${i}] must have containerID and ifname`);
  });
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
}

function printed(reservations: readonly Located[], json: boolean | undefined, now: number): string {
  if (json) {
    const rows = reservations.map(({ since, ...rest }) => ({
      ...rest,
      ...(since === undefined ? undefined : { since: new Date(since).toISOString() }),
    }));
    return `${JSON.stringify(rows, undefined, 2)}\n`;
  }
  const rows = reservations.map(({ network, address, containerID, ifName, pod, since }) => [
    network,
    address,
    containerID,
    ifName || '-',
    pod ?? '-',
    since === undefined ? '-' : age(now - since),
  ]);
  return table(['NETWORK', 'ADDRESS', 'CONTAINER', 'INTERFACE', 'POD', 'AGE'], rows);
}

function release(networks: readonly Network[], reservations: readonly Located[]): Located[] {
  return networks.flatMap(({ dir, store }) => {
    const mine = reservations.filter((r) => r.dir === dir);
    return mine.length === 0 ? [] : store.lock(() => mine.filter((r) => store.release(r.address, r)));
  });
}

function gc(
  networks: readonly Network[],
  valid: readonly Owner[],
  before: string | undefined,
  dryRun: boolean,
) {
  const time = before === undefined ? undefined : Date.parse(before);
  if (Number.isNaN(time)) {
    throw new UsageError(`Invalid --before "${before}": expected an ISO 8601 time`);
  }
  const freed: Located[] = [];
  const problems: Problem[] = [];
  const options = { before: time };
  for (const { name, dir, store } of networks) {
    const listing = dryRun ? store.list() : undefined;
    const result = listing
      ? { freed: selectStale(listing.reservations, valid, options), failed: [], problems: listing.problems }
      : collect(store, valid, options);
    freed.push(...result.freed.map((r) => ({ network: name, dir, ...r })));
    problems.push(...result.failed, ...result.problems);
  }
  return { freed, problems };
}

/** @throws {UsageError} when the command is unknown, or has too few or too many arguments */
function checkSubjects(verb: string, subjects: readonly string[]): void {
  if (verb === 'show' || verb === 'release') {
    if (subjects.length === 0) {
      throw new UsageError(`${verb} needs an ADDRESS or CONTAINER`);
    }
  } else if (verb !== 'list' && verb !== 'gc') {
    throw new UsageError(`Unknown command: ${verb}`);
  } else if (subjects.length > 0) {
    throw new UsageError(`${verb} takes no arguments: ${subjects.join(' ')}`);
  }
}

function perform(argv: readonly string[], { sys, out, err, version }: CliEnv): number {
  const options = parse(argv);
  const { verb, subjects, json } = options;
  if (options.version) {
    out(`${version}\n`);
    return 0;
  }
  if (options.help || verb === undefined) {
    (options.help ? out : err)(USAGE);
    return options.help ? 0 : 2;
  }
  checkSubjects(verb, subjects);
  for (const dir of options['data-dir'] ?? []) {
    if (!ignoreErrno(['ENOENT'], () => sys.stat(dir))) {
      err(`Warning: --data-dir ${dir} does not exist\n`);
    }
  }
  const networks = networksIn(
    sys,
    options['data-dir'] ?? [VOLATILE_DATA_DIR, REFERENCE_DATA_DIR],
    options.network,
  );
  const report = (reservations: readonly Located[], problems: readonly Problem[]) => {
    out(printed(reservations, json, sys.realtimeMs()));
    for (const { message } of problems) {
      err(`Warning: ${message}\n`);
    }
  };
  if (verb === 'gc') {
    if (options.valid === undefined) {
      throw new UsageError('gc needs --valid FILE; a file with an empty list frees everything');
    }
    const { freed, problems } = gc(
      networks,
      readValid(sys, options.valid),
      options.before,
      options['dry-run'] ?? false,
    );
    report(freed, problems);
    return 0;
  }
  const { reservations, problems } = listAll(networks);
  if (verb === 'list') {
    report(reservations, problems);
    return 0;
  }
  const found = reservations.filter((r) => subjects.includes(r.address) || subjects.includes(r.containerID));
  const missing = subjects.filter((s) => !found.some((r) => r.address === s || r.containerID === s));
  if (missing.length > 0) {
    err(`No reservation found for ${missing.join(', ')}\n`);
  }
  if (found.length > 0) {
    report(verb === 'show' ? found : release(networks, found), []);
  }
  return missing.length > 0 ? 1 : 0;
}

/**
 * Runs `cnikit-ipam`. Returns the exit status: 0, 1 when something failed or was not found, 2 for wrong
 * arguments.
 */
export function run(argv: readonly string[], env: CliEnv): number {
  try {
    return perform(argv, env);
  } catch (error) {
    const { message } = error as Error;
    env.err(error instanceof UsageError ? `${message}\n\n${USAGE}` : `${message}\n`);
    const isKnown = error instanceof IpamError || 'syscall' in (error as Error);
    if (!isKnown && !(error instanceof UsageError)) {
      throw error;
    }
    return error instanceof UsageError ? 2 : 1;
  }
}
