import { POLICY_TABLE } from '../../../core/names.ts';
import type { DoctorFacts, PolicyFacts } from '../facts.ts';
import { AGENT_ENFORCES, AGENT_OPENS, type Check, type Finding, failure, warning } from '../finding.ts';

/** Findings of one kind to list. */
const MAX_LISTED = 10;

export const policy: Check = {
  name: 'policy',
  good: ({ policy: facts }) =>
    `NetworkPolicies are enforced: ${facts?.policies} in the cluster, all of their parts have an effect.`,
  skips: ({ policy: facts }) =>
    facts === undefined ? 'NetworkPolicies are not enforced: --network-policy is off.' : undefined,
  find: ({ policy: facts, api }) =>
    facts === undefined ? [] : [...tableFindings(facts), ...apiFindings(facts, api), ...effects(facts)],
};

function tableFindings({ closed }: PolicyFacts): Finding[] {
  if (closed === undefined) {
    return [
      failure(
        `NetworkPolicies are not enforced on this node: table inet ${POLICY_TABLE} does not exist, or is dormant.`,
        AGENT_ENFORCES,
      ),
    ];
  }
  return limited(closed, 'addresses of pods', ({ link, address }) =>
    failure(
      `Pod address ${address} (link ${link}) is closed: table inet ${POLICY_TABLE} does not know it.`,
      AGENT_OPENS,
    ),
  );
}

/** The permissions that the agent lacks are findings of the API check. */
function apiFindings({ error, faults }: PolicyFacts, { access }: DoctorFacts['api']): Finding[] {
  const known = access.some(({ allowed, group, resource }) => allowed === false && isRead(group, resource));
  return [
    ...(error === undefined || known
      ? []
      : [
          failure(
            `Cannot read NetworkPolicies: ${error}.`,
            'The rules in the kernel stay as they are, and new pods are closed. Check the API server and the network path to it.',
          ),
        ]),
    ...limited(faults, 'invalid objects', (fault) =>
      failure(
        `${fault}. The pods that a NetworkPolicy with an unknown field selects are closed.`,
        'Remove the field, or install a version of cnikit that knows it.',
      ),
    ),
  ];
}

const isRead = (group: string | undefined, resource: string): boolean =>
  group === 'networking.k8s.io' || resource === 'pods' || resource === 'namespaces';

function effects({ findings }: PolicyFacts): Finding[] {
  return limited(findings, 'parts of NetworkPolicies without effect', ({ policy: name, field, message }) =>
    warning(
      `NetworkPolicy ${name} has a part without effect, ${field}: ${lowerFirst(message)}.`,
      'Check its labels, ports and names for typing errors. `cnikit-agent policy check` lists all such parts.',
    ),
  );
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

function limited<T>(all: readonly T[], what: string, finding: (one: T) => Finding): Finding[] {
  const listed = all.slice(0, MAX_LISTED).map(finding);
  const more = all.length - listed.length;
  return more === 0 ? listed : [...listed, { ...listed[0]!, message: `${more} more ${what}.` }];
}
