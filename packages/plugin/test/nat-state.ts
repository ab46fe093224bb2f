/** NAT state of the node, read by an operator's tools. */
import { openConntrack } from '@cnikit/netlink/conntrack';
import { delTable, openNftables } from '@cnikit/netlink/nftables';
import { run } from './namespaces.ts';

/** Deletes all nftables tables, `nft flush ruleset`. */
export function flushRuleset(): void {
  const nft = openNftables();
  nft.commit(nft.tables().map(({ family, name }) => delTable({ family, name: name ?? '' })));
  nft.close();
}

/** IPCTNL_MSG_CT_DELETE. Without a tuple it deletes all entries. */
const DELETE_CONNECTIONS = 0x102;

/** Deletes all tracked connections, `conntrack -F`. To list them takes the kernel many times as long. */
export function flushConnections(): void {
  const { connection } = openConntrack();
  const payload = new Uint8Array(4); // struct nfgenmsg: any family
  connection.request({ type: DELETE_CONNECTIONS, flags: 0, payload, describe: 'delete all connections' });
  connection.close();
}

/**
 * The nftables ruleset without the base chains that iptables never removes, and without upstream's tables that have no
 * pod; '' when it is empty.
 */
export function ruleset(): string {
  return run('nft', '-s', 'list', 'ruleset')
    .replaceAll(
      /^table \w+ cni_(plugins_masquerade|hostport) \{\n(?:(?!.*(saddr|dport|accept comment)).*\n)*?\}\n/gm,
      '',
    )
    .replaceAll(/^table ip6? nat \{\n(\tchain [A-Z]+ \{\n\t\ttype .*\n\t\}\n\n?)*\}\n/gm, '')
    .trim();
}

/** Lines of iptables-save for the nat tables of both families that match a pattern. */
export function iptablesOf(pattern: RegExp, variant: 'nft' | 'legacy' = 'nft'): string[] {
  return ['iptables', 'ip6tables']
    .flatMap((program) => run(`${program}-${variant}-save`, '-t', 'nat').split('\n'))
    .filter((line) => pattern.test(line))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
}
