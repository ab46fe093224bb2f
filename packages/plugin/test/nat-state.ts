/** NAT state of the node, read by an operator's tools. */
import { run } from './namespaces.ts';

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
