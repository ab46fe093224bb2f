import { type CheckedConfig, CniError, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { explain } from '#explain';
import type { NetworkSettings } from '../../capabilities/ipam.ts';
import { refuseFields } from '../../capabilities/refused.ts';
import { isPtpConf, ptpConfKeys } from '../../guards.ts';

/** The ptp configuration with every default filled in. */
export interface PtpSettings extends NetworkSettings {
  /** In bytes; 0 leaves it to the kernel. */
  mtu: number;
}

/**
 * Checks the plugin's part of a network configuration and fills in the reference's defaults.
 *
 * @throws CniError 7 naming the field and what it should be, 2 for a field of the reference that is not served
 */
export function ptpSettings(raw: CheckedConfig): PtpSettings {
  const conf = normaliseKeys(raw, ptpConfKeys);
  if (!isPtpConf(conf)) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, 'Invalid ptp configuration', explain('ptpConf', conf));
  }
  refuseFields(conf, ['ipMasq']);
  return { network: raw.name, raw, knownArgs: [], mtu: conf.mtu ?? 0 };
}
