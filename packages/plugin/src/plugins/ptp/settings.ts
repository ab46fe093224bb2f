import { type CheckedConfig, CniError, ErrorCode, normaliseKeys, validFields } from '@cnikit/cni-spec';
import { explain } from '../../explain.ts';
import { isPtpConf, ptpConfKeys } from '../../guards.ts';
import { natBackend } from '../../nat/masquerade.ts';
import type { NatBackend } from '../../nat/nftables.ts';
import type { PairSettings } from './attach-pair.ts';
import type { PtpConf } from './schema.ts';

/** The ptp configuration with all defaults filled in. */
export type PtpSettings = PairSettings;

/**
 * Checks the plugin's part of a network configuration and fills in upstream's defaults.
 *
 * @throws {CniError} 7 naming the field and the expected value
 */
export function ptpSettings(raw: CheckedConfig): PtpSettings {
  const conf = normaliseKeys(raw, ptpConfKeys);
  if (!isPtpConf(conf)) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, 'Invalid ptp configuration', explain('ptpConf', conf));
  }
  return settingsOf(raw, conf, natBackend('ipMasqBackend', conf.ipMasqBackend));
}

/** Returns the configuration for DEL and GC, which ignores invalid fields. */
export function ptpSettingsForDel(raw: CheckedConfig): PtpSettings {
  const conf = normaliseKeys(raw, ptpConfKeys) as CheckedConfig;
  return settingsOf(raw, validFields(conf, isPtpConf), undefined);
}

function settingsOf(raw: CheckedConfig, conf: PtpConf, ipMasqBackend: NatBackend): PtpSettings {
  const { mtu = 0, ipMasq = false } = conf;
  return { network: raw.name, raw, knownArgs: [], mtu, ipMasq, ipMasqBackend };
}
