import { type CheckedConfig, CniError, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { explain } from '../../explain.ts';
import { isPtpConf, ptpConfKeys } from '../../guards.ts';
import { type MasqueradeSettings, natBackend } from '../../nat/masquerade.ts';

/** The ptp configuration with all defaults filled in. */
export interface PtpSettings extends MasqueradeSettings {
  /** In bytes; 0 = the kernel's default. */
  mtu: number;
}

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
  return {
    network: raw.name,
    raw,
    knownArgs: [],
    mtu: conf.mtu ?? 0,
    ipMasq: conf.ipMasq ?? false,
    ipMasqBackend: natBackend('ipMasqBackend', conf.ipMasqBackend),
  };
}
