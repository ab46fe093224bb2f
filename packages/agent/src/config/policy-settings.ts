/** Settings of the enforcement of NetworkPolicies. Pure. */
import { invalid, parseNumber } from './invalid.ts';

export interface PolicySettings {
  /** Bit of the connection mark of connections to end; undefined: established connections go on. */
  cutMark?: number | undefined;
  /** How denied packets are logged; undefined: they are not. */
  log?: { group: number; rate: number } | undefined;
}

/** Values of the options. */
interface PolicyValues {
  'policy-established': string;
  'policy-mark': string;
  'policy-log': string;
  'policy-log-group': string;
}

/** @throws {AgentError} `USAGE` when a value is invalid */
export function parsePolicySettings(values: PolicyValues): PolicySettings {
  const established = values['policy-established'];
  if (established !== 'keep' && established !== 'cut') {
    throw invalid('policy-established', established, 'keep or cut');
  }
  const mark = parseBit('policy-mark', values['policy-mark']);
  const group = parseNumber('policy-log-group', values['policy-log-group'], 1, 0xffff);
  const rate = values['policy-log'];
  return {
    cutMark: established === 'cut' ? mark : undefined,
    log: rate === 'off' ? undefined : { group, rate: parseNumber('policy-log', rate, 1, 10_000, ', or off') },
  };
}

function parseBit(name: string, text: string): number {
  const value = /^(0x[\da-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : 0;
  if (value > 0 && value <= 0x8000_0000 && (value & (value - 1)) === 0) {
    return value;
  }
  throw invalid(name, text, 'one bit of 32, such as 0x2000000');
}
