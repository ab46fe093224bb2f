import { type CheckedConfig, CniError, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { explain } from '../explain.ts';
import { isLogConf, logConfKeys } from '../guards.ts';

/** Describes where verbs are logged; empty when they are not logged. */
export function explainLog(raw: CheckedConfig): string[] {
  const log = normaliseKeys(raw.log ?? {}, logConfKeys);
  if (!isLogConf(log)) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, 'log', explain('logConf', log));
  }
  const where = [
    ...(log.file ? [log.file] : []),
    ...(log.syslog ? [log.syslog === true ? '/dev/log' : log.syslog] : []),
    ...(log.stderr ? ['stderr'] : []),
  ];
  return where.length > 0 ? [`Logs each verb to ${where.join(' and ')}.`] : [];
}
