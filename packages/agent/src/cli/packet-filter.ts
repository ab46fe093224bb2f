/** Opens both back ends of the packet filter on this node. */
import { families } from '@cnikit/ip';
import { NetlinkError } from '@cnikit/netlink';
import { type NftConnection, openNftables } from '@cnikit/netlink/nftables';
import { SysError } from '@cnikit/sys';
import { hasLegacyTables, variantsInUse } from '../apply/iptables-variants.ts';
import { createNftFilter, type TableStore } from '../apply/nftables.ts';
import { openTableStore, unsupportedReason } from '../apply/nftables-store.ts';
import { createRules, legacyDrops, legacyExempts, type Rules } from '../apply/rules.ts';
import type { BlockingChain, PacketFilterMode } from '../core/backend.ts';
import { FILTER_TABLE } from '../core/names.ts';
import { nftablesTable } from '../desired/nftables.ts';
import { blockingChains, exemptingChains } from '../observe/forward-filters.ts';
import type { NftBackend } from '../reconcile/host-reconciler.ts';

/** Both back ends. */
export interface PacketFilterDeps {
  rules: Rules;
  nftables: NftBackend;
  /** Port of the connection that writes the nftables table; undefined on a kernel without nftables. */
  nftablesPort: number | undefined;
}

const LEGACY = { ipv4: 'iptables-legacy', ipv6: 'ip6tables-legacy' } as const;

/** Every expression that a table may have. */
const PROBE = nftablesTable(
  {
    ipv4: { family: 'ipv4', podCIDRs: ['192.0.2.0/24'], masquerade: { outInterfaces: ['lo'] } },
    ipv6: { family: 'ipv6', podCIDRs: ['2001:db8::/64'], masquerade: {} },
  },
  () => [],
);

/** The process exits with the connection open. */
export function openPacketFilter(mode: PacketFilterMode, env: NodeJS.ProcessEnv): PacketFilterDeps {
  const opened = open();
  const nft = typeof opened === 'string' ? undefined : opened;
  const rules = createRules(env, { variants: (family) => variantsInUse(nft, family) });
  let reason: { unsupported: string | undefined } | undefined;
  const unsupported = (): string | undefined => {
    reason ??= { unsupported: nft === undefined ? (opened as string) : unsupportedReason(nft, PROBE) };
    return reason.unsupported;
  };
  return {
    rules,
    nftables: {
      mode,
      filter: createNftFilter(nft === undefined ? noStore(opened as string) : openTableStore(nft)),
      facts: (podCIDRs) => ({
        unsupported: mode === 'iptables' ? undefined : unsupported(),
        blocking: [...(nft ? blockingChains(nft, podCIDRs) : []), ...legacyBlocking(env)],
        exempting: [
          ...(nft ? exemptingChains(nft) : []),
          ...families
            .filter((family) => hasLegacyTables(family, ['nat']) && legacyExempts(env, family))
            .map((family) => `POSTROUTING of ${LEGACY[family]}`),
        ],
      }),
    },
    nftablesPort: nft?.connection.port,
  };
}

/** Opens nftables. Returns the reason on a kernel without it. */
function open(): NftConnection | string {
  try {
    const nft = openNftables();
    try {
      nft.table({ family: 'inet', name: FILTER_TABLE });
      return nft;
    } catch (error) {
      nft.close();
      throw error;
    }
  } catch (error) {
    if (isWithoutNftables(error)) {
      return (error as Error).message;
    }
    throw error;
  }
}

const ABSENT: readonly string[] = ['EPROTONOSUPPORT', 'EOPNOTSUPP', 'EAFNOSUPPORT'];

/** Returns true for the error of a kernel without nftables. */
export function isWithoutNftables(error: unknown): boolean {
  if (error instanceof SysError) {
    return error.syscall === 'openNetlink' && ABSENT.includes(error.code);
  }
  // A netfilter without nftables returns EINVAL to a request outside of a transaction.
  return (
    error instanceof NetlinkError &&
    error.cause === undefined &&
    (ABSENT.includes(error.code) || error.code === 'EINVAL')
  );
}

function noStore(reason: string): TableStore {
  return {
    read: () => undefined,
    commit: () => {
      throw new Error(`the kernel has no nftables: ${reason}`);
    },
  };
}

function legacyBlocking(env: NodeJS.ProcessEnv): BlockingChain[] {
  const blocking = families.filter(
    (family) => hasLegacyTables(family, ['filter']) && legacyDrops(env, family),
  );
  return blocking.map((family) => ({
    name: `FORWARD of ${LEGACY[family]}`,
    families: [family],
    iptables: true,
    namesPods: false,
  }));
}
