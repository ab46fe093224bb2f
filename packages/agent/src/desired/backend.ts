/** Chooses the back end of the packet filter. Pure. */

import { families } from '@cnikit/ip';
import type { Backend, FilterFacts, PacketFilterMode } from '../core/backend.ts';
import { type Problem, problem } from '../core/problem.ts';

/**
 * Chooses the back end. `auto` takes iptables where rules there exempt packets from masquerading. An accept in one nftables table does not overrule a drop in another, so `auto` also accepts
 * forwarded packets in iptables where a chain of iptables drops them by default.
 */
export function chooseBackend(
  mode: PacketFilterMode,
  { unsupported, blocking, exempting = [] }: FilterFacts,
): Backend {
  if (mode !== 'auto') {
    return { name: mode, accept: [], reason: 'chosen by --packet-filter' };
  }
  if (unsupported !== undefined) {
    const reason = `the kernel cannot hold the nftables table (${unsupported})`;
    return { name: 'iptables', accept: [], reason };
  }
  if (exempting.length > 0) {
    const reason = `rules of ${exempting.join(' and ')} exempt packets from masquerading in iptables only`;
    return { name: 'iptables', accept: [], reason };
  }
  const foes = blocking.filter(({ iptables }) => iptables);
  const accept = families.filter((family) => foes.some((chain) => chain.families.includes(family)));
  const reason =
    foes.length === 0
      ? 'the kernel supports it'
      : `iptables accepts forwarded packets, because ${foes.map(({ name }) => name).join(' and ')} drops by default`;
  return { name: 'nftables', accept, reason };
}

/** Returns the chains that drop forwarded packets of pods and that this back end cannot overrule. */
export function backendProblems(
  { name, accept }: Backend,
  { unsupported, blocking }: FilterFacts,
): Problem[] {
  const problems: Problem[] = [];
  if (name === 'nftables' && unsupported !== undefined) {
    const message = `The kernel cannot hold the nftables table (${unsupported}). Set --packet-filter=iptables, or auto`;
    problems.push(problem('rules', 'nftables', message));
  }
  for (const chain of blocking) {
    const overruled =
      chain.iptables && (name === 'iptables' || chain.families.every((family) => accept.includes(family)));
    if (!overruled && !chain.namesPods) {
      const remedy = chain.iptables
        ? 'Set --packet-filter=auto, so that the agent accepts them in iptables'
        : 'Allow them there: with firewalld, add the podCIDRs to a zone that forwards';
      const message = `Chain ${chain.name} drops forwarded packets that none of its rules accepts, and rules of other tables cannot overrule it. ${remedy}`;
      problems.push(problem('foreign-filter', chain.name, message));
    }
  }
  return problems;
}
