import { type CheckedConfig, CniError, capability, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { cniArgs } from '../../attachment/cni-args.ts';
import { explain } from '../../explain.ts';
import { isTuningConf, tuningConfKeys } from '../../guards.ts';
import { checkedMac } from '../../links/mac.ts';
import { repeatedKey } from './repeated-key.ts';
import type { TuningConf } from './schema.ts';
import { sysctlFile } from './sysctl-key.ts';

const DEFAULT_DATA_DIR = '/run/cni/tuning';

/** A sysctl as the configuration has it. */
interface Sysctl {
  key: string;
  value: string;
}

/** The desired values; absent ones stay unchanged. */
export interface Tuning {
  /** Sysctls by file. */
  sysctl: ReadonlyMap<string, Sysctl>;
  link: LinkTuning;
}

/** Attributes of the interface. */
export interface LinkTuning {
  mac?: string;
  /** In bytes. */
  mtu?: number;
  promisc?: boolean;
  allmulti?: boolean;
  /** In packets. */
  txQLen?: number;
}

/** The tuning configuration. */
export interface TuningSettings {
  raw: CheckedConfig;
  dataDir: string;
  own: TuningConf;
  /** Fields of `args.cni`, which take precedence over the configuration's. */
  args: TuningConf;
}

/**
 * Checks the plugin's part of a network configuration.
 *
 * @throws {CniError} 7 naming the field and the expected value
 */
export function tuningSettings(raw: CheckedConfig): TuningSettings {
  const own = checked(raw, 'Invalid tuning configuration');
  const args = checked(cniArgs(raw), 'Invalid args.cni for tuning');
  return { raw, dataDir: own.dataDir || DEFAULT_DATA_DIR, own, args };
}

/**
 * Returns the configuration for DEL and GC, which ignores invalid fields.
 *
 * @throws {CniError} 7 when `dataDir`, where the backups are, is invalid
 */
export function tuningSettingsForDel(raw: CheckedConfig): TuningSettings {
  const { dataDir } = normaliseKeys(raw, tuningConfKeys) as { dataDir?: unknown };
  return tuningSettings({ cniVersion: raw.cniVersion, name: raw.name, dataDir });
}

/**
 * Refuses a sysctl that the configuration has twice. JSON.parse() keeps only the last value.
 *
 * @param stdin text of the configuration
 * @throws {CniError} 7 naming the sysctl
 */
export function assertNoRepeatedSysctls(stdin: string): void {
  const paths = [['sysctl'], ['args', 'cni', 'sysctl']];
  for (const path of paths) {
    const key = repeatedKey(stdin, path);
    if (key !== undefined) {
      throw new CniError(
        ErrorCode.InvalidNetworkConfig,
        `duplicated sysctl keys are not allowed: ${path.join('.')} has ${key} twice`,
        'Remove one of them',
      );
    }
  }
}

/**
 * Merges the sources of settings. The MAC address of args.cni takes precedence over the runtime's, then the
 * environment's, then the configuration's. This is upstream's order, which differs from the bridge's.
 */
export function tuningOf(
  { raw, own, args }: TuningSettings,
  env: Readonly<Record<string, string>>,
  ifName: string,
): Tuning {
  const mac = args.mac ?? (capability(raw, 'mac') || env.MAC || own.mac);
  const mtu = args.mtu ?? own.mtu;
  const allmulti = args.allmulti ?? own.allmulti;
  const txQLen = args.txQLen ?? own.txQLen;
  return {
    sysctl: new Map([...sysctlFiles(own, ifName), ...sysctlFiles(args, ifName)]),
    link: {
      ...(mac ? { mac: checkedMac(mac) } : {}),
      ...(mtu ? { mtu } : {}),
      ...((args.promisc ?? own.promisc) ? { promisc: true } : {}),
      ...(allmulti === undefined ? {} : { allmulti }),
      ...(txQLen === undefined ? {} : { txQLen }),
    },
  };
}

/**
 * Returns the sysctls of one source by file.
 *
 * @throws {CniError} 7 when two keys name one file with different values, or a key is not below net
 */
function sysctlFiles({ sysctl = {} }: TuningConf, ifName: string): Map<string, Sysctl> {
  const files = new Map<string, Sysctl>();
  for (const [key, value] of Object.entries(sysctl)) {
    const file = sysctlFile(key, ifName);
    const other = files.get(file);
    if (other !== undefined && other.value !== value) {
      throw new CniError(
        ErrorCode.InvalidNetworkConfig,
        `duplicated sysctl keys are not allowed: ${other.key} is ${other.value}, and ${key} is ${value}`,
        'Remove one of them',
      );
    }
    files.set(file, { key, value });
  }
  return files;
}

function checked(value: unknown, msg: string): TuningConf {
  const conf = normaliseKeys(value, tuningConfKeys);
  if (isTuningConf(conf)) {
    return conf;
  }
  throw new CniError(ErrorCode.InvalidNetworkConfig, msg, explain('tuningConf', conf));
}
