/** Recognises events after which running pods may lack links or rules that the plugin made. Pure. */
import type { NftEvent } from '@cnikit/netlink/monitor';
import type { KernelEvent } from '../core/kernel.ts';
import { BRIDGE_NAME } from '../core/names.ts';

/** nftables tables of the plugin, in its own form and in that of the upstream plugins. */
const TABLES = /^(cnikit_.*|cni_hostport|cni_plugins_masquerade)$/;
/** Base chains of iptables. Their rules lead to the plugin's chains. DEL of a pod removes rules from the last one. */
const BASE_CHAINS: readonly unknown[] = ['PREROUTING', 'OUTPUT', 'POSTROUTING'];

/** True when another program may have removed rules of running pods. Some changes of the plugin look the same. */
export function removesPodRules(event: NftEvent | { type: 'overflow' }): boolean {
  if (event.type === 'overflow') {
    return true;
  }
  if (event.type !== 'nftables' || event.action !== 'del') {
    return false;
  }
  const { object, family, table, chain } = event;
  const nat = table === 'nat' && family !== 'inet';
  if (object === 'table') {
    return TABLES.test(table) || nat;
  }
  return object === 'rule' && nat && BASE_CHAINS.includes(chain);
}

/** Returns the pods' bridge after an event: its index, undefined without one, and whether it lost anything. */
export function bridgeAfter(
  event: KernelEvent,
  index: number | undefined,
): { index: number | undefined; lost: boolean } {
  if (event.type === 'overflow') {
    return { index, lost: true };
  }
  if (event.type === 'link' && event.link?.name === BRIDGE_NAME) {
    const gone = event.link.op === 'del';
    return { index: gone ? undefined : event.index, lost: gone || !event.link.up };
  }
  return { index, lost: event.type === 'address' && event.op === 'del' && event.index === index };
}
