/**
 * Masquerading in upstream's nftables table, for a configuration that names the backend nftables. Both sides delete, check
 * and list each other's rules:
 *
 *     table inet cni_plugins_masquerade {
 *       chain masq_checks { ip saddr 10.1.0.5 ip daddr != 10.1.0.0/24 masquerade comment "HASH-HASH, net: pods, if: eth0, id: 4f1c" }
 *       chain postrouting { type nat hook postrouting priority srcnat; ip daddr 224.0.0.0/4 return; ip6 daddr ff00::/8 return; goto masq_checks }
 *     }
 */
import type { Request } from '@cnikit/netlink';
import { delRule, type NftConnection, newChain, newRule, newTable } from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import { subnetOf, withoutLength } from '../lib/prefix.ts';
import { ruleTarget } from './nftables.ts';
import type { Owner } from './owner.ts';
import type { Change } from './transaction.ts';
import { hasAddress, MASQUERADE, ofAttachment } from './upstream-nftables.ts';

const { family, table, chain } = MASQUERADE;
const POSTROUTING = 'postrouting';
/** Maximum length of a comment, in bytes. Upstream cuts longer ones. */
const MAX_COMMENT = 128;
const TABLE_COMMENT = 'Masquerading for plugins from github.com/containernetworking/plugins';

/** Masquerades packets from the addresses to destinations outside of their subnets. All addresses have prefix lengths. */
export function upstreamMasqueradeChange(owner: Owner, addresses: readonly string[]): Change {
  const comment = commentOf(owner);
  const prefix = ofAttachment(owner);
  return {
    requests(nft) {
      const stale = nft.rules(MASQUERADE).filter((rule) => rule.comment?.startsWith(prefix));
      return [
        ...(isComplete(nft) ? [] : NEW_BASE),
        ...stale.map(({ handle = 0 }) => delRule({ ...MASQUERADE, handle })),
        ...addresses.map((address) => newRule({ ...MASQUERADE, expressions: matchOf(address), comment })),
      ];
    },
  };
}

function commentOf(owner: Owner): string {
  const { network, containerID, ifName } = owner;
  const name = ifName.replaceAll('"', '');
  const comment = `${ofAttachment(owner)}, net: ${network}, if: ${name}, id: ${containerID}`;
  return cut(comment, MAX_COMMENT);
}

/** Cuts a text to a number of bytes. An interface name may have multibyte characters. */
function cut(text: string, bytes: number): string {
  let size = 0;
  let end = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    size += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (size > bytes) {
      break;
    }
    end += character.length;
  }
  return text.slice(0, end);
}

function matchOf(address: string) {
  // The source has checked the IP version.
  const outside = expr.destination(subnetOf(address), { not: true }).slice(2);
  return [...expr.source(withoutLength(address)), ...outside, ...expr.masquerade()];
}

/** As upstream, idempotent: the rules of the base chain are replaced. */
const NEW_BASE: readonly Request[] = [
  newTable({ family, name: table, comment: TABLE_COMMENT }),
  newChain({ family, table, name: chain }),
  newChain({
    family,
    table,
    name: POSTROUTING,
    hook: { type: 'nat', hook: 'postrouting', priority: 100 },
  }),
  delRule({ family, table, chain: POSTROUTING }),
  ...[
    [...expr.destination('224.0.0.0/4'), ...expr.returnBack()],
    [...expr.destination('ff00::/8'), ...expr.returnBack()],
    expr.goTo(chain),
  ].map((expressions) => newRule({ family, table, chain: POSTROUTING, expressions })),
];

function isComplete(nft: NftConnection): boolean {
  return nft.rules({ family, table, chain: POSTROUTING }).some((rule) => ruleTarget(rule) === chain);
}

/** Lists what an attachment's masquerading lacks. */
export function upstreamMasqueradeDifferences(
  nft: NftConnection,
  owner: Owner,
  addresses: readonly string[],
): string[] {
  const prefix = ofAttachment(owner);
  const own = nft.rules(MASQUERADE).filter((rule) => rule.comment?.startsWith(prefix));
  const lost = addresses.filter((address) => !own.some((rule) => hasAddress(rule, withoutLength(address))));
  return [
    ...(isComplete(nft) ? [] : [`rules are missing in chain ${POSTROUTING} of table ${table}`]),
    ...lost.map((address) => `${address} is not masqueraded`),
  ];
}
