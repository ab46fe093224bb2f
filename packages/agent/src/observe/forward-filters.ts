/** Finds chains of other programs that decide between the back ends, in the tables of nftables and iptables-nft. */

import { type Family, families, parseNetwork } from '@cnikit/ip';
import { AttributeReader } from '@cnikit/netlink/codec';
import {
  type Expression,
  NF_ACCEPT,
  NF_DROP,
  NFT_RETURN,
  type NftConnection,
} from '@cnikit/netlink/nftables';
import type { BlockingChain } from '../core/backend.ts';
import { BRIDGE_NAME } from '../core/names.ts';

const FORWARD_HOOK = 2;
/** Tables of the agent and of the plugin. */
const OWN_TABLES = 'cnikit';
const familiesOf: Readonly<Record<string, readonly Family[]>> = {
  ip: ['ipv4'],
  ip6: ['ipv6'],
  inet: families,
};

/** The requests in use. */
export type ChainReader = Pick<NftConnection, 'chains' | 'rules'>;

/** Returns the chains. `podCIDRs` are those of this node. */
export function blockingChains(nft: ChainReader, podCIDRs: readonly string[]): BlockingChain[] {
  const found: BlockingChain[] = [];
  for (const { family, table = '', name = '', hook, policy } of nft.chains()) {
    const affected = familiesOf[family];
    if (
      affected === undefined ||
      table.startsWith(OWN_TABLES) ||
      hook?.hook !== FORWARD_HOOK ||
      hook.type !== 'filter'
    ) {
      continue;
    }
    const tree = new ChainTree(nft, family as 'ip', table, podCIDRs);
    const blocks = tree.blocks(name);
    if (blocks || policy === NF_DROP) {
      found.push({
        name: `${family} ${table} ${name}`,
        families: affected,
        iptables: family !== 'inet' && table === 'filter' && name === 'FORWARD',
        namesPods: tree.namesPods,
      });
    }
  }
  return found;
}

/**
 * Returns the POSTROUTING chains of iptables-nft where a rule ends the chain for some packets, which exempts them
 * from all masquerading behind it.
 */
export function exemptingChains(nft: ChainReader): string[] {
  return (['ip', 'ip6'] as const).flatMap((family) => {
    const chain = { family, table: 'nat', chain: 'POSTROUTING' } as const;
    const exempts = nft
      .rules(chain)
      .some(({ expressions }) =>
        expressions.some(
          (one) =>
            one.name === 'immediate' && (one.verdict?.code === NF_ACCEPT || one.verdict?.code === NFT_RETURN),
        ),
      );
    return exempts ? [`${family} nat POSTROUTING`] : [];
  });
}

/** A base chain and the chains that it jumps to. */
class ChainTree {
  readonly #nft: ChainReader;
  readonly #family: 'ip' | 'ip6' | 'inet';
  readonly #table: string;
  readonly #pods: readonly Uint8Array[];
  readonly #known = new Map<string, boolean>();
  /** A rule mentions a podCIDR or the pod bridge. */
  namesPods = false;

  constructor(nft: ChainReader, family: 'ip' | 'ip6' | 'inet', table: string, podCIDRs: readonly string[]) {
    this.#nft = nft;
    this.#family = family;
    this.#table = table;
    this.#pods = podCIDRs.map((cidr) => parseNetwork(cidr)!.address);
  }

  /** Returns whether a chain drops or rejects every packet that none of its rules accepts. */
  blocks(chain: string): boolean {
    const known = this.#known.get(chain);
    if (known !== undefined) {
      return known;
    }
    // Ends a loop of chains, which the kernel refuses.
    this.#known.set(chain, false);
    let blocks = false;
    for (const { expressions } of this.#nft.rules({ family: this.#family, table: this.#table, chain })) {
      this.namesPods ||= expressions.some((one) => this.#isPods(one));
      const verdict = this.#verdictOf(expressions);
      const always = expressions.every(isUnconditional);
      if (always && verdict === 'blocks') {
        blocks = true;
        break;
      }
      if (always && verdict === 'ends') {
        break;
      }
    }
    this.#known.set(chain, blocks);
    return blocks;
  }

  #verdictOf(expressions: readonly Expression[]): 'blocks' | 'ends' | 'continues' {
    for (const one of expressions) {
      if (one.name === 'reject' || (one.name === 'other' && xtName(one, 'target') === 'REJECT')) {
        return 'blocks';
      }
      if (one.name !== 'immediate' || one.verdict === undefined) {
        continue;
      }
      const { code, chain } = one.verdict;
      if (code === NF_DROP || (chain !== undefined && this.blocks(chain))) {
        return 'blocks';
      }
      return code === NF_ACCEPT || code === NFT_RETURN ? 'ends' : 'continues';
    }
    return 'continues';
  }

  #isPods(expression: Expression): boolean {
    if (expression.name !== 'cmp' || expression.data === undefined) {
      return false;
    }
    const { data } = expression;
    const name = new TextDecoder().decode(data).replace(/\0.*$/s, '');
    return (
      (data.length >= BRIDGE_NAME.length && name === BRIDGE_NAME) ||
      this.#pods.some((pods) => data.length > 1 && data.every((byte, i) => byte === pods[i]))
    );
  }
}

const UNCONDITIONAL: ReadonlySet<string> = new Set(['counter', 'log', 'immediate', 'reject']);

function isUnconditional(expression: Expression): boolean {
  return (
    UNCONDITIONAL.has(expression.name) ||
    (expression.name === 'other' &&
      (expression.kind === 'target' || xtName(expression, 'match') === 'comment'))
  );
}

/** Returns the name of a match or target of iptables, which has attribute 1. */
function xtName(
  { kind, bytes }: Expression & { name: 'other' },
  wanted: 'match' | 'target',
): string | undefined {
  if (kind !== wanted) {
    return undefined;
  }
  const reader = new AttributeReader(bytes, 0, bytes.length, 'little', kind);
  while (reader.next()) {
    if (reader.type === 1) {
      return reader.string();
    }
  }
  return undefined;
}
