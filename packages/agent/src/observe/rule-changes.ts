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

/** Tables of iptables. Only filter and nat have chains of ours. */
const IPTABLES: ReadonlySet<string> = new Set(['filter', 'nat', 'mangle', 'raw', 'security']);
/** Tables of the plugin, of the upstream plugins and of kube-proxy: they change often and never block pods. */
const HARMLESS = /^(cnikit|cni_|kube-proxy$)/;

/** Objects that decide whether a table blocks packets. */
const BLOCKING: ReadonlySet<string> = new Set(['table', 'chain', 'rule']);

/**
 * True for changes of our nftables table, of chains of iptables that are ours or that jump to ours, and of tables that may
 * block pods, such as firewalld's. Most changes of a busy node are in chains of kube-proxy and of hostPorts.
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
  const isIp = family === 'ip' || family === 'ip6';
  if (isIp && IPTABLES.has(table)) {
    return (table === 'filter' || table === 'nat') && concernsIptables(object, chain, action);
  }
  return (isIp || family === 'inet') && BLOCKING.has(object) && !HARMLESS.test(table);
}

function concernsIptables(object: string, chain: string | undefined, action: string): boolean {
  return object === 'table'
    ? action === 'del'
    : chain !== undefined && (chain.startsWith(CHAIN_PREFIX) || shared.includes(chain));
}
