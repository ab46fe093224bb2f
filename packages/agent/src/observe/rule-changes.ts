/** Changes of packet filter rules, by anybody, that may concern the agent's own. */
import { monitorNftables, type NftEvent } from '@cnikit/netlink/monitor';
import { CHAIN_PREFIX } from '../core/names.ts';

/** The chains of others that a jump of ours stands in, where a rule of others may come to stand before it. */
const shared = ['FORWARD', 'POSTROUTING'];

/**
 * Yields whenever a pass over the rules may find something; listens from the moment it is called. Only what goes
 * through nf_tables is told, which iptables-nft does; legacy iptables tells nobody. Throws where it cannot listen.
 */
export function ruleChanges(signal: AbortSignal): AsyncIterable<void> {
  return concerning(monitorNftables({ signal }));
}

async function* concerning(changes: AsyncIterable<NftEvent | { type: 'overflow' }>): AsyncIterable<void> {
  for await (const change of changes) {
    if (concernsRules(change)) {
      yield;
    }
  }
}

/** Most changes of a busy node are those of kube-proxy and of hostPorts, in chains of their own. */
export function concernsRules(change: NftEvent | { type: 'overflow' }): boolean {
  if (change.type === 'overflow') {
    return true;
  }
  if (change.type !== 'nftables') {
    return false;
  }
  const { family, table, object, chain, action } = change;
  if ((family !== 'ip' && family !== 'ip6') || (table !== 'filter' && table !== 'nat')) {
    return false;
  }
  if (object === 'table') {
    return action === 'del';
  }
  return chain !== undefined && (chain.startsWith(CHAIN_PREFIX) || shared.includes(chain));
}
