/**
 * Takeover of the table of earlier versions. Its map `ip6` had a keyword of nft as its name, so that `nft -f` refused a
 * saved rule set, and its hooks ran beside kube-proxy's.
 */
import {
  delChain,
  delElements,
  delRule,
  delSet,
  type NftConnection,
  newElements,
} from '@cnikit/netlink/nftables';
import { elementsOf } from '../../nat/nftables.ts';
import { commitTogether } from '../../nat/transaction.ts';
import { HOOKS, IN_TABLE, MAPS, NEW_SHARED, newMarkChain, OLD_MAPS, TABLE } from './nft-table.ts';

const OLD_PORTS = 'ports';
const OLD_MARK_PREFIX = 'masquerade-0x';

/** Replaces what pods share in a table of an earlier version; the pods' own chains stay. Other tables do not change. */
export function takeOverTable(nft: NftConnection): void {
  commitTogether(nft, [{ requests: takeover }]);
}

function takeover(nft: NftConnection) {
  if (nft.chain({ ...IN_TABLE, name: OLD_PORTS }) === undefined) {
    return [];
  }
  const marks = nft
    .chains({ family: TABLE.family, table: TABLE.name })
    .map(({ name = '' }) => name)
    .filter((name) => name.startsWith(OLD_MARK_PREFIX));
  const held = OLD_MAPS.map((name) => elementsOf(nft, { ...IN_TABLE, name }));
  const chains = [...HOOKS, OLD_PORTS, ...marks];
  return [
    ...chains.map((chain) => delRule({ ...IN_TABLE, chain })),
    ...chains.map((name) => delChain({ ...IN_TABLE, name })),
    ...OLD_MAPS.flatMap((name, i) => [
      ...(held[i] ?? []).map(({ key }) => delElements({ ...IN_TABLE, name }, [{ key }])),
      delSet({ ...IN_TABLE, name }),
    ]),
    ...NEW_SHARED,
    ...marks.flatMap((name) => newMarkChain(Number(`0x${name.slice(OLD_MARK_PREFIX.length)}`))),
    ...MAPS.flatMap((name, i) =>
      (held[i] ?? []).map(({ key, verdict, comment }) =>
        newElements({ ...IN_TABLE, name }, [{ key, verdict, ...(comment && { comment }) }]),
      ),
    ),
  ];
}
