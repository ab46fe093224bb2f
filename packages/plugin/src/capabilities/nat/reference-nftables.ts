/**
 * What the reference plugins since 1.7 make by nftables: a rule a pod, found by its comment. They are removed here, for
 * pods that were there before the switch; the chains stay the reference's.
 */
import { delRule, type NftConnection, type NftRule } from '@cnikit/netlink/nftables';
import { sha512 } from '../sha512.ts';
import { isRace } from './nftables.ts';
import type { Owner } from './owner.ts';

const MASQUERADE = { family: 'inet', table: 'cni_plugins_masquerade', chain: 'masq_checks' } as const;
const PORTS = 'cni_hostport';
const PORT_CHAINS = ['hostports', 'hostip_hostports', 'masquerading'] as const;
const HASH_LENGTH = 16;
const ATTEMPTS = 100;

const hash = (text: string): string => sha512(text).slice(0, HASH_LENGTH);

/** How the comments of a network's masquerading begin. */
const ofNetwork = (network: string): string => `${hash(network)}-`;

const ofAttachment = ({ network, containerID, ifName }: Owner): string =>
  ofNetwork(network) + hash(`${ifName}:${containerID}`);

/** Removes an attachment's rules of masquerading. */
export function removeReferenceMasquerade(nft: NftConnection, owner: Owner): void {
  const prefix = ofAttachment(owner);
  removeRules(nft, () => masqueradeRules(nft).filter(({ comment }) => comment?.startsWith(prefix)));
}

/** Removes the network's rules of masquerading but for those of the listed attachments. */
export function collectReferenceMasquerade(
  nft: NftConnection,
  network: string,
  keep: readonly Omit<Owner, 'network'>[],
): void {
  const kept = keep.map((one) => ofAttachment({ network, ...one }));
  const isStale = ({ comment = '' }: NftRule) =>
    comment.startsWith(ofNetwork(network)) && !kept.some((prefix) => comment.startsWith(prefix));
  removeRules(nft, () => masqueradeRules(nft).filter(isStale));
}

function masqueradeRules(nft: NftConnection): NftRule[] {
  return nft.chain({ ...MASQUERADE, name: MASQUERADE.chain }) === undefined ? [] : nft.rules(MASQUERADE);
}

/** Removes a container's rules of ports; their comment is its ID. */
export function removeReferencePorts(nft: NftConnection, containerID: string): void {
  for (const family of ['ip', 'ip6'] as const) {
    removeRules(nft, () =>
      nft.table({ family, name: PORTS }) === undefined
        ? []
        : PORT_CHAINS.flatMap((chain) => nft.rules({ family, table: PORTS, chain })).filter(
            ({ comment }) => comment === containerID,
          ),
    );
  }
}

function removeRules(nft: NftConnection, find: () => NftRule[]): void {
  for (let attempt = 1; ; attempt++) {
    try {
      nft.commit(
        find().map(({ family, table = '', chain = '', handle = 0 }) =>
          delRule({ family, table, chain, handle }),
        ),
      );
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !isRace(error)) throw error;
    }
  }
}
