import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { NetlinkEncodeError } from '@cnikit/netlink/codec';
import { destination, type Expression, inputInterface, source } from '@cnikit/netlink/nftables';
import type { PortFamily } from './host-port.ts';

/** What a condition may look at, in the words of `nft`. */
const SUBJECTS: Readonly<Record<string, typeof source>> = {
  'ip saddr': source,
  'ip daddr': destination,
  'ip6 saddr': source,
  'ip6 daddr': destination,
  iifname: inputInterface,
};

/**
 * Conditions in the words of `nft`: addresses, prefixes and the interface that packets come in by, each with `!=` or
 * without. There is no program here that would understand all of its language.
 *
 * @throws CniError 2 for others
 */
export function compileConditions(words: readonly string[], family: PortFamily): Expression[] {
  const open = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== '');
  const expressions: Expression[] = [];
  while (open.length > 0) {
    const first = open.shift() as string;
    const subject = first === 'ip' || first === 'ip6' ? `${first} ${open.shift()}` : first;
    const not = open[0] === '!=';
    if (not || open[0] === '==') open.shift();
    const value = open.shift();
    const match = Object.hasOwn(SUBJECTS, subject) ? SUBJECTS[subject] : undefined;
    if (match === undefined || value === undefined) throw unsupported(words, family);
    try {
      expressions.push(...match(value.replaceAll('"', ''), { not }));
    } catch (error) {
      if (error instanceof NetlinkEncodeError) throw unsupported(words, family);
      throw error;
    }
  }
  return expressions;
}

function unsupported(words: readonly string[], family: PortFamily): CniError {
  return new CniError(
    ErrorCode.UnsupportedField,
    `Unsupported field conditions${family === 'ipv4' ? 'V4' : 'V6'}: ${JSON.stringify(words)}`,
    `By nftables: ${Object.keys(SUBJECTS).join(', ')}, each with a value. The backend iptables takes all of its own`,
  );
}
