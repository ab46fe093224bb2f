/** Reports changes of packet filter rules that may concern the agent's. */
import { monitorNftables, type NftEvent } from '@cnikit/netlink/monitor';
import { CHAIN_PREFIX, FILTER_TABLE } from '../core/names.ts';

/** Foreign chains with a jump of ours, where a foreign rule may be inserted before it. */
const shared = ['FORWARD', 'POSTROUTING'];

/**
 * Yields when a pass over the rules may find a difference. Subscribes when called. Reports only changes
 * through nf_tables, which iptables-nft makes too; the kernel sends no events for legacy iptables. Changes by the
 * connection with `ownPort` are omitted.
 *
 * @throws {NetlinkError} when it cannot subscribe
 */
export function ruleChanges(signal: AbortSignal, ownPort?: number): AsyncIterable<void> {
  return concerning(monitorNftables({ signal, ...(ownPort !== undefined && { ignorePort: ownPort }) }));
}

async function* concerning(changes: AsyncIterable<NftEvent | { type: 'overflow' }>): AsyncIterable<void> {
  for await (const change of changes) {
    if (concernsRules(change)) {
      yield;
    }
  }
}

/**
 * True for everything in our nftables table, and in tables of iptables for chains of ours and chains that ours are called from. Most changes of a busy node are in chains of
 * kube-proxy and of hostPorts.
 */
export function concernsRules(change: NftEvent | { type: 'overflow' }): boolean {
  if (change.type === 'overflow') {
    return true;
  }
  if (change.type !== 'nftables') {
    return false;
  }
  const { family, table, object, chain, action } = change;
  if (family === 'inet' && table === FILTER_TABLE) {
    return true;
  }
  if ((family !== 'ip' && family !== 'ip6') || (table !== 'filter' && table !== 'nat')) {
    return false;
  }
  if (object === 'table') {
    return action === 'del';
  }
  return chain !== undefined && (chain.startsWith(CHAIN_PREFIX) || shared.includes(chain));
}
