import { isRoutedEnd, mayUseForeignSources, POD_GUARD_TABLE } from '../../../core/names.ts';
import { podEnds } from '../../../repair/pod-layouts.ts';
import type { DoctorFacts, PodAddress } from '../facts.ts';
import { type Check, type Finding, failure, podRepairs, warning } from '../finding.ts';

/** Addresses to list; more do not help to find the cause. */
const MAX_SHOWN = 3;

/** The node routes to each running pod of the layout `routed`, and checks the source addresses of its packets. */
export const routedPods: Check = {
  name: 'routed-pods',
  good: ({ links, routed }) => {
    const ends = podEnds(links).filter(isRoutedEnd);
    const count = ends.length;
    const foreign = ends.filter(mayUseForeignSources).length;
    const except = foreign === 0 ? '' : `, except for ${foreign} that may send them`;
    const guard = routed?.guard ? ` and drops their packets with other source addresses${except}` : '';
    return count === 0
      ? 'No running pod has the layout routed.'
      : `The node has routes to the addresses of ${count} routed pods${guard}.`;
  },
  find: (facts) =>
    facts.routed === undefined
      ? []
      : [...routes(facts), ...guard(facts), ...filters(facts), ...proxies(facts)],
};

/** Returns the reserved addresses of running routed pods. Other addresses are the pod's own affair. */
function reserved({ links, podAddresses, reservedAddresses }: DoctorFacts): PodAddress[] {
  const names = new Set(
    podEnds(links)
      .filter(isRoutedEnd)
      .map(({ name }) => name),
  );
  return podAddresses.filter(({ link, address }) => names.has(link) && reservedAddresses.includes(address));
}

function routes(facts: DoctorFacts): Finding[] {
  const present = new Set(facts.routed?.routes.map(({ dst, oif }) => `${dst} ${oif}`));
  const indexes = new Map(facts.links.map(({ name, index }) => [name, index]));
  const missing = reserved(facts).filter(
    ({ link, address }) =>
      !present.has(`${address}/${address.includes(':') ? 128 : 32} ${indexes.get(link)}`),
  );
  return listed(missing.map(({ address, link }) => `${address} by ${link}`)).map((list) =>
    failure(
      `The node has no route to ${list}: the running ${missing.length === 1 ? 'pod receives' : 'pods receive'} nothing there.`,
      podRepairs(facts),
    ),
  );
}

function guard(facts: DoctorFacts): Finding[] {
  return facts.routed?.guard === false
    ? [
        failure(
          `The table inet ${POD_GUARD_TABLE} is missing, or its rules are: pods can send IPv6 packets with the source addresses of other pods.`,
          podRepairs(facts),
        ),
      ]
    : [];
}

function filters(facts: DoctorFacts): Finding[] {
  return listed(facts.routed!.strictEnds).map((list) =>
    warning(
      `rp_filter of ${list} is strict, or the link has lost its IPv4 address: the node drops IPv4 packets with other source addresses from a pod that may send them.`,
      podRepairs(facts),
    ),
  );
}

function proxies(facts: DoctorFacts): Finding[] {
  const { bridge } = facts.routed!;
  if (bridge === undefined) {
    return [];
  }
  const addresses = reserved(facts).map(({ address }) => address);
  const unanswered = addresses.filter((address) =>
    address.includes(':') ? !bridge.proxyNdp || !bridge.proxies.includes(address) : !bridge.proxyArp,
  );
  return listed(unanswered).map((list) =>
    warning(
      `The bridge cni0 does not answer for ${list}: pods on the bridge do not reach the routed ${unanswered.length === 1 ? 'pod' : 'pods'} there.`,
      podRepairs(facts),
    ),
  );
}

/** Returns one text that lists the first items, or nothing for none. */
function listed(items: readonly string[]): string[] {
  const more = items.length - MAX_SHOWN;
  return items.length === 0
    ? []
    : [`${items.slice(0, MAX_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
}
