import type { RuleFacts } from '../facts.ts';
import { AGENT_MENDS, type Check, type Finding, failure, findingOf, warning } from '../finding.ts';

const SHOWN = 5;

export const rules: Check = {
  name: 'rules',
  good: ({ rules: all }) =>
    `The packet filter's rules are as they should be and in their place${all[0]?.backend === undefined ? '' : ` (iptables-${all[0].backend.backend})`}; masqueraded ports are chosen at random.`,
  find: ({ rules: all, desired, randomPorts }) => {
    const findings = all.flatMap(ofFamily);
    if (!randomPorts) {
      findings.push(
        warning(
          'This kernel, older than 3.13, does not choose masqueraded ports at random (--random-fully): connections that two pods open to one place at once may be lost.',
          'Run a kernel of 3.13 or later; there is nothing else to do.',
        ),
      );
    }
    const mixed = all.find(({ backend }) => backend?.mixed === true)?.backend;
    if (mixed !== undefined) {
      findings.push(
        warning(
          `Both iptables hold rules, ${mixed.nft.rules} in nft and ${mixed.legacy.rules} in legacy: packets pass both, and each program shows its own only. The agent uses ${mixed.backend}.`,
          'Find out who writes the other (kube-proxy, Docker, a firewall), and have all use the same: update-alternatives on the host, CNIKIT_IPTABLES_BACKEND for the agent.',
        ),
      );
    }
    const problems = desired?.problems ?? [];
    findings.push(...problems.filter(({ kind }) => kind === 'no-default-route').map(findingOf));
    return findings;
  },
};

function ofFamily({ family, changes, error, backend }: RuleFacts): Finding[] {
  const findings = changes
    .slice(0, SHOWN)
    .map((line) => failure(`Not as it should be, ${family}: ${line}.`, AGENT_MENDS));
  if (changes.length > SHOWN) {
    findings.push(failure(`So are ${changes.length - SHOWN} further lines of ${family}.`, AGENT_MENDS));
  }
  if (error !== undefined) {
    findings.push(
      failure(
        `The rules of ${family} could not be read: ${error}.`,
        'Install iptables 1.6.2 or later, and look whether another program holds its lock for long.',
      ),
    );
  }
  const [other, stale] = backend?.backend === 'nft' ? ['legacy', backend.legacy] : ['nft', backend?.nft];
  if (stale !== undefined && stale.own.length > 0) {
    findings.push(
      failure(
        `Chains of cnikit are in iptables-${other} too (${stale.own.join(', ')}), which is not in use: packets of ${family} pass both.`,
        `Remove them by \`CNIKIT_IPTABLES_BACKEND=${other} cnikit-agent cleanup\`; the agent then sets up the rest again.`,
      ),
    );
  }
  return findings;
}
