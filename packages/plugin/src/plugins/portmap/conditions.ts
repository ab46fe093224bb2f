import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { parsePrefix } from '@cnikit/netlink/codec';
import { destination, type Expression, inputInterface, source } from '@cnikit/netlink/nftables';
import { conditionAlternatives } from '#condition-words';
import type { PortFamily } from './host-port.ts';

const KIT = { parsePrefix, source, destination, inputInterface };

/**
 * Conditions in the words of `nft`: what a packet has to fit one of. Without conditions it is one that all fit.
 *
 * @throws CniError 2 for words that are not understood
 */
export function compileConditions(words: readonly string[], family: PortFamily): Expression[][] {
  if (words.length === 0) {
    return [[]];
  }
  const found = conditionAlternatives(words, family, KIT);
  if (found !== undefined) {
    return found;
  }
  throw new CniError(
    ErrorCode.UnsupportedField,
    `Unsupported field conditions${family === 'ipv4' ? 'V4' : 'V6'}: ${JSON.stringify(words)}`,
    'The plugin’s README says what of the language of nft is known. The backend iptables takes all of its own',
  );
}
