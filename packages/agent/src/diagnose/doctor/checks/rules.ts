import type { Backend } from '../../../core/backend.ts';
import type { DoctorFacts, RuleFacts } from '../facts.ts';
import { AGENT_REPAIRS, type Check, type Finding, failure, findingOf, warning } from '../finding.ts';

const MAX_SHOWN = 5;

export const rules: Check = {
  name: 'rules',
  good: ({ rules: all, desired }) =>
    `All packet filter rules are in place (${backEnd(all, desired?.backend)}); masqueraded ports are randomised.`,
  skips: ({ desired }) =>
    desired === undefined
      ? 'The podCIDR of this node is unknown, and with it which packet filter rules are needed.'
      : undefined,
  find: (facts) => {
    const { rules: all, filterProblems, desired, randomPorts } = facts;
    const findings = [
      ...all.flatMap(familyFindings),
      ...filterProblems.map(findingOf),
      ...reversePaths(facts),
    ];
    if (!randomPorts) {
      findings.push(
        warning(
          'This kernel is older than 3.13 and cannot randomise masqueraded ports (--random-fully): when two pods connect to the same destination at the same time, one connection may be lost.',
          'Upgrade to kernel 3.13 or later. There is no other fix.',
        ),
      );
    }
    const mixed = all.find(({ backend }) => backend?.mixed === true)?.backend;
    if (mixed !== undefined) {
      findings.push(
        warning(
          `Both iptables variants hold rules, ${mixed.nft.rules} in nft and ${mixed.legacy.rules} in legacy: packets traverse both, but each program lists only its own. The agent uses ${mixed.backend}.`,
          'Find the program that writes the other variant (kube-proxy, Docker, a firewall), and make all use the same one: update-alternatives on the host, CNIKIT_IPTABLES_BACKEND for the agent.',
        ),
      );
    }
    const problems = desired?.problems ?? [];
    findings.push(...problems.filter(({ kind }) => kind === 'no-default-route').map(findingOf));
    return findings;
  },
};

/** A tunnel makes traffic asymmetric while a node moves, as `rp_filter` of IPv4, which the agent loosens. */
function reversePaths({ strictFilters = [], own, links, routes: { wanted } }: DoctorFacts): Finding[] {
  const tunnels = new Set(links.filter(({ kind }) => kind === 'vxlan').map(({ name }) => name));
  const tunnelled = [...wanted.values()].some(({ dst, dev }) => dst.includes(':') && tunnels.has(dev));
  return own === undefined || !tunnelled
    ? []
    : strictFilters.map((chain) =>
        warning(
          `Chain ${chain} drops IPv6 packets that arrive on another link than the one to their source: while a node moves behind a router or back, its pods are cut off.`,
          'For firewalld, set IPv6_rpfilter=loose (or no, before firewalld 2.1) in /etc/firewalld/firewalld.conf, and restart firewalld.',
        ),
      );
}

function backEnd(all: readonly RuleFacts[], backend: Backend | undefined): string {
  const variant = all.find((each) => each.backend !== undefined)?.backend;
  const iptables = variant === undefined ? 'iptables' : `iptables-${variant.backend}`;
  return backend === undefined || backend.name === 'iptables' ? iptables : `nftables: ${backend.reason}`;
}

function familyFindings({ family, changes, error, backend }: RuleFacts): Finding[] {
  const findings = changes
    .slice(0, MAX_SHOWN)
    .map((line) => failure(`Out of sync (${family}): ${line}.`, AGENT_REPAIRS));
  if (changes.length > MAX_SHOWN) {
    findings.push(
      failure(
        `${changes.length - MAX_SHOWN} more ${family} rules or set elements are missing or wrong.`,
        AGENT_REPAIRS,
      ),
    );
  }
  if (error !== undefined) {
    findings.push(
      failure(
        `Cannot read the ${family} rules: ${error}.`,
        'Install iptables 1.6.2 or later, and check that no other program holds its lock.',
      ),
    );
  }
  const [other, stale] = backend?.backend === 'nft' ? ['legacy', backend.legacy] : ['nft', backend?.nft];
  if (stale !== undefined && stale.own.length > 0) {
    findings.push(
      failure(
        `cnikit chains also exist in iptables-${other} (${stale.own.join(', ')}), which the agent does not use: ${family} packets traverse both.`,
        `Remove them with \`CNIKIT_IPTABLES_BACKEND=${other} cnikit-agent cleanup\`. A running agent then restores everything else.`,
      ),
    );
  }
  return findings;
}
