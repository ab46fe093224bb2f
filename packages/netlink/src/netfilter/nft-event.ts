/** Notifications of changes to nftables (nfnetlink, group NFNLGRP_NFTABLES). */
import { attributesAfter, type MessageReader } from '../codec/message.ts';
import { NFGENMSG_SIZE, type NfFamily, nfFamilyWord } from './nf-message.ts';
import * as nft from './objects.ts';

/** linux/netfilter/nfnetlink.h */
export const NFNLGRP_NFTABLES = 7;

/** An event of `monitorNftables()`: the object that changed, without its contents. */
export type NftEvent =
  | {
      type: 'nftables';
      action: 'new' | 'del';
      object: 'table' | 'chain' | 'rule' | 'set' | 'element';
      family: NfFamily;
      table: string;
      /** Name of the chain, or of a rule's chain. */
      chain?: string;
    }
  /** Any other message, by its NFT_MSG_* number. */
  | { type: 'other'; message: number };

/** The object of each message, and the attribute that names its chain. Attribute 1 is always the table. */
const objects = new Map<number, { object: (NftEvent & { type: 'nftables' })['object']; chain?: number }>([
  [nft.NFT_MSG_NEWTABLE, { object: 'table' }],
  [nft.NFT_MSG_DELTABLE, { object: 'table' }],
  [nft.NFT_MSG_NEWCHAIN, { object: 'chain', chain: 3 }],
  [nft.NFT_MSG_DELCHAIN, { object: 'chain', chain: 3 }],
  [nft.NFT_MSG_NEWRULE, { object: 'rule', chain: 2 }],
  [nft.NFT_MSG_DELRULE, { object: 'rule', chain: 2 }],
  [nft.NFT_MSG_NEWSET, { object: 'set' }],
  [nft.NFT_MSG_DELSET, { object: 'set' }],
  [nft.NFT_MSG_NEWSETELEM, { object: 'element' }],
  [nft.NFT_MSG_DELSETELEM, { object: 'element' }],
]);

/**
 * Decodes one notification.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeNftEvent(message: MessageReader): NftEvent {
  const known = objects.get(message.type);
  if (known === undefined) {
    return { type: 'other', message: message.type };
  }
  const reader = attributesAfter(message, NFGENMSG_SIZE, 'nfgenmsg');
  let [table, chain] = ['', undefined as string | undefined];
  while (reader.next()) {
    if (reader.type === 1) {
      table = reader.string();
    } else if (reader.type === known.chain) {
      chain = reader.string();
    }
    // The names come first; the rest of the message is not needed.
    if (table !== '' && (known.chain === undefined || chain !== undefined)) {
      break;
    }
  }
  return {
    type: 'nftables',
    action: message.type % 3 === nft.NFT_MSG_NEWTABLE % 3 ? 'new' : 'del',
    object: known.object,
    family: nfFamilyWord(message.bytes[message.start]),
    table,
    chain,
  };
}
