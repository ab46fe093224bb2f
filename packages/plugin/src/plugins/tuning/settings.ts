import { type CheckedConfig, CniError, capability, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { cniArgs } from '../../attachment/cni-args.ts';
import { explain } from '../../explain.ts';
import { isTuningConf, tuningConfKeys } from '../../guards.ts';
import { checkedMac } from '../../links/mac.ts';
import type { TuningConf } from './schema.ts';

const DEFAULT_DATA_DIR = '/run/cni/tuning';

/** The desired values; absent ones stay unchanged. */
export interface Tuning {
  sysctl: Readonly<Record<string, string>>;
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
 * Merges the sources of settings. The MAC address of args.cni takes precedence over the runtime's, then the
 * environment's, then the configuration's. This is upstream's order, which differs from the bridge's.
 */
export function tuningOf({ raw, own, args }: TuningSettings, env: Readonly<Record<string, string>>): Tuning {
  const mac = args.mac ?? (capability(raw, 'mac') || env.MAC || own.mac);
  const mtu = args.mtu ?? own.mtu;
  const allmulti = args.allmulti ?? own.allmulti;
  const txQLen = args.txQLen ?? own.txQLen;
  return {
    sysctl: { ...own.sysctl, ...args.sysctl },
    link: {
      ...(mac ? { mac: checkedMac(mac) } : {}),
      ...(mtu ? { mtu } : {}),
      ...((args.promisc ?? own.promisc) ? { promisc: true } : {}),
      ...(allmulti === undefined ? {} : { allmulti }),
      ...(txQLen === undefined ? {} : { txQLen }),
    },
  };
}

function checked(value: unknown, msg: string): TuningConf {
  const conf = normaliseKeys(value, tuningConfKeys);
  if (isTuningConf(conf)) {
    return conf;
  }
  throw new CniError(ErrorCode.InvalidNetworkConfig, msg, explain('tuningConf', conf));
}
