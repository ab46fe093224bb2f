/** Backup of the interface's attributes before ADD, for DEL. The file is upstream's. */
import type { Attachment } from '@cnikit/cni-spec';
import type { Link } from '@cnikit/netlink';
import { IFF_ALLMULTI, IFF_PROMISC } from '@cnikit/netlink/constants';
import { ignoreErrno, type Sys, SysError } from '@cnikit/sys';
import { sha512 } from '@cnikit/sys/internal';
import { isTuningConf } from '../../guards.ts';
import { readFileIfExists } from '../../lib/read-file-if-exists.ts';
import type { LinkTuning } from './settings.ts';

/** The key of the network's name in the file. */
const NETWORK = 'cnikit.network';
/** File names have at most 255 bytes, interface names 15. */
const LONGEST_ID = 255 - '_.json.new'.length - 15;
/** Suffix of a file that is still being written. */
const NEW = '.new';

/** The location of an attachment's backup. */
export interface BackupPlace {
  dataDir: string;
  /** Name of the network, which the file records for GC. Upstream does not record it. */
  network: string;
  containerID: string;
  ifName: string;
}

/** Saves the present values of the attributes that ADD will change. */
export function saveBackup(sys: Sys, place: BackupPlace, link: Link, changes: LinkTuning): void {
  const { mac, mtu, promisc, allmulti, txQLen } = changes;
  const now = {
    ...(mac === undefined || link.mac === undefined ? {} : { mac: link.mac }),
    ...(promisc === undefined ? {} : { promisc: (link.flags & IFF_PROMISC) !== 0 }),
    ...(mtu === undefined ? {} : { mtu: link.mtu }),
    ...(allmulti === undefined ? {} : { allmulti: (link.flags & IFF_ALLMULTI) !== 0 }),
    ...(txQLen === undefined || link.txQueueLength === undefined ? {} : { txQLen: link.txQueueLength }),
  };
  // Existing values were saved by an earlier tuning plugin of the same list: keep them.
  const all = { ...now, ...readBackup(sys, place), [NETWORK]: place.network };
  makeFolders(sys, place.dataDir);
  const file = fileOf(place);
  sys.writeText(file + NEW, JSON.stringify(all), { mode: 0o600 });
  sys.rename(file + NEW, file);
}

/**
 * Reads the attributes that {@link saveBackup} saved.
 *
 * @returns undefined when the file does not exist or is malformed
 * @throws {CniError} 5 when the file exists and cannot be read
 */
export function readBackup(sys: Sys, place: BackupPlace): LinkTuning | undefined {
  const text = readFileIfExists(sys, fileOf(place));
  const value = text === undefined ? undefined : parsed(text);
  if (!isTuningConf(value)) {
    return undefined;
  }
  const { mac, mtu, promisc, allmulti, txQLen } = value;
  return {
    ...(mac ? { mac } : {}),
    ...(mtu ? { mtu } : {}),
    ...(promisc === undefined ? {} : { promisc }),
    ...(allmulti === undefined ? {} : { allmulti }),
    ...(txQLen === undefined ? {} : { txQLen }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Deletes the backup, if it exists. */
export function removeBackup(sys: Sys, place: BackupPlace): void {
  const file = fileOf(place);
  unlinkIfThere(sys, file + NEW);
  unlinkIfThere(sys, file);
}

/** Deletes the backups of a network, except those of its valid attachments. */
export function collectBackups(
  sys: Sys,
  { dataDir, network }: Pick<BackupPlace, 'dataDir' | 'network'>,
  valid: readonly Attachment[],
): void {
  const keep = new Set(valid.map(({ containerID, ifname }) => nameOf({ containerID, ifName: ifname })));
  for (const name of namesIn(sys, dataDir)) {
    if (keep.has(name)) {
      continue;
    }
    const file = `${dataDir}/${name}`;
    const backup = parsed(readFileIfExists(sys, file) ?? '') as { [NETWORK]?: unknown } | null | undefined;
    if (backup?.[NETWORK] === network) {
      unlinkIfThere(sys, file);
    }
  }
}

function namesIn(sys: Sys, folder: string): string[] {
  const names = ignoreErrno(MISSING, () => sys.readdir(folder)) ?? [];
  return names.filter((name) => name.endsWith('.json') || name.endsWith(`.json${NEW}`));
}

const MISSING = ['ENOENT', 'ENOTDIR'];

function unlinkIfThere(sys: Sys, file: string): void {
  ignoreErrno(MISSING, () => sys.unlink(file));
}

function fileOf(place: BackupPlace): string {
  return `${place.dataDir}/${nameOf(place)}`;
}

/** Returns upstream's file name, or a shorter one when that would be too long for a file. */
function nameOf({ containerID, ifName }: Pick<BackupPlace, 'containerID' | 'ifName'>): string {
  const known = containerID.length <= LONGEST_ID;
  return `${known ? containerID : sha512(containerID)}_${ifName}.json`;
}

function makeFolders(sys: Sys, path: string): void {
  for (let at = path.indexOf('/', 1); ; at = path.indexOf('/', at + 1)) {
    const folder = at < 0 ? path : path.slice(0, at);
    try {
      sys.mkdir(folder, 0o755);
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== 'EEXIST') {
        throw error;
      }
    }
    if (at < 0) {
      return;
    }
  }
}
