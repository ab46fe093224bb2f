import { addressAt, contains, formatAddress, parseAddress, parseNetwork } from '@cnikit/ip';
import { BRIDGE_NAME, isRoutedEnd } from '../../../core/names.ts';
import { problemKinds } from '../../../core/problem.ts';
import { outdatedPods } from '../../../repair/earlier-range.ts';
import { podEnds } from '../../../repair/pod-layouts.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Check, describeLink, type Finding, failure, podRepairs } from '../finding.ts';

/** Links to list; more do not help to find the cause. */
const MAX_SHOWN = 3;

/** Running pods have what the plugin made for them. */
export const pods: Check = {
  name: 'pods',
  good: ({ links }) => {
    const all = podEnds(links);
    const routed = all.filter(isRoutedEnd).length;
    if (all.length === 0) {
      return 'No pod on this node uses the pod network.';
    }
    return routed === 0
      ? `All ${all.length} running pods are attached to ${BRIDGE_NAME}.`
      : `All ${all.length} running pods are attached: ${routed} by their own routes, ${all.length - routed} to ${BRIDGE_NAME}.`;
  },
  find: (facts) => [...detached(facts), ...gateways(facts), ...outdated(facts)],
};

const isBridge = ({ name, kind }: DoctorFacts['links'][number]): boolean =>
  name === BRIDGE_NAME && kind === 'bridge';

function detached({ links, plugin, podBehind }: DoctorFacts): Finding[] {
  const attached = podEnds(links).filter((link) => !isRoutedEnd(link));
  const loose = attached.filter(({ master = 0 }) => master === 0).map(({ name }) => name);
  if (attached.length > 0 && !links.some(({ name }) => name === BRIDGE_NAME)) {
    return [
      failure(
        `${BRIDGE_NAME} does not exist although ${attached.length} pods run: another program deleted it, and these pods have no network.`,
        podRepairs({ plugin }),
      ),
    ];
  }
  const described = (link: string) => describeLink(podBehind, link);
  const more = loose.length > MAX_SHOWN ? ` and ${loose.length - MAX_SHOWN} more` : '';
  return loose.length === 0
    ? []
    : [
        failure(
          `${loose.slice(0, MAX_SHOWN).map(described).join(', ')}${more} of running pods ${loose.length === 1 ? 'is not a port' : 'are not ports'} of ${BRIDGE_NAME}: these pods have no network.`,
          podRepairs({ plugin }),
        ),
      ];
}

/** Returns the gateways that running pods lack. */
function gateways({ own, plugin, links, addresses, runningAddresses = [] }: DoctorFacts): Finding[] {
  const index = links.find(isBridge)?.index;
  const attached = podEnds(links);
  // Pods with the routed layout have another gateway.
  const allRouted = attached.length > 0 && attached.every(isRoutedEnd);
  if (own === undefined || index === undefined || allRouted) {
    return [];
  }
  const held = addresses.filter((one) => one.index === index).map(({ address }) => address.split('/')[0]!);
  return own.podCIDRs.flatMap((cidr) => {
    const range = parseNetwork(cidr)!;
    const gateway = formatAddress(addressAt(range, 1));
    const used = runningAddresses.some(({ address }) => {
      const parsed = parseAddress(address);
      return parsed !== undefined && contains(range, parsed);
    });
    return !used || held.includes(gateway)
      ? []
      : [
          failure(
            `${BRIDGE_NAME} lacks the address ${gateway}, which is the gateway of running pods: they reach nothing outside of this node.`,
            podRepairs({ plugin }),
          ),
        ];
  });
}

function outdated({ own, runningAddresses = [] }: DoctorFacts): Finding[] {
  return outdatedPods(own?.podCIDRs ?? [], runningAddresses).map(({ message }) =>
    failure(`${message}.`, problemKinds['outdated-pod'].fix!),
  );
}
