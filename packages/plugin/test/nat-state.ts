/** What NAT has left on the node, by the tools an operator would use. */
import { run } from './namespaces.ts';

/** Everything of nftables but the base chains that iptables makes and never removes; '' when there is nothing. */
export function ruleset(): string {
  return run('nft', '-s', 'list', 'ruleset')
    .replaceAll(/^table ip6? nat \{\n(\tchain [A-Z]+ \{\n\t\ttype .*\n\t\}\n\n?)*\}\n/gm, '')
    .trim();
}

/** Rules and chains of pods in the nat tables of iptables, whichever interface they are in. */
export function iptablesOf(pattern: RegExp, variant: 'nft' | 'legacy' = 'nft'): string[] {
  return ['iptables', 'ip6tables']
    .flatMap((program) => run(`${program}-${variant}-save`, '-t', 'nat').split('\n'))
    .filter((line) => pattern.test(line))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
}
