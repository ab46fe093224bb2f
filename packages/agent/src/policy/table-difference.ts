/** Compares the table in the kernel with what was programmed. */
import type { NftConnection } from '@cnikit/netlink/nftables';
import type { Ruleset } from '@cnikit/policy';
import { canonical, hookText } from '../core/filter-table.ts';
import { podMapShape, podMaps, readElements, readObjects, readPods, readRules } from './kernel-table.ts';
import { chainName, elementFamily, portSet, selectionSet } from './names.ts';
import { chainRules, type Programmed } from './programmed.ts';
import { baseChains, type ChainRules } from './rules.ts';

/** Returns the first difference as a part of a sentence; undefined when there is none. */
export function tableDifference(nft: NftConnection, ruleset: Ruleset, now: Programmed): string | undefined {
  const present = readObjects(nft);
  if (present === undefined) {
    return 'the table is missing';
  }
  if (present.dormant) {
    return 'the table is dormant';
  }
  const { letter, scope } = now;
  const chains: ChainRules[] = [
    ...baseChains(scope),
    ...[...ruleset.chains]
      .map(([name, rules]) => ({ name: chainName(letter, name), ...chainRules(rules, letter, scope) }))
      .filter(({ name }) => name.startsWith(`${letter}/`)),
  ];
  const sets = [...podMaps.map(({ name }) => name), ...now.names.sets];
  return (
    unexpected('chain', present.chains.keys(), new Set(chains.map(({ name }) => name))) ??
    unexpected('set', present.sets.keys(), new Set(sets)) ??
    podMaps
      .filter((map) => present.sets.get(map.name) !== podMapShape(map))
      .map(({ name }) => `map ${name} has another type`)[0] ??
    differingChain(nft, present.chains, chains) ??
    differingSet(nft, ruleset, now)
  );
}

function unexpected(
  kind: string,
  present: Iterable<string>,
  wanted: ReadonlySet<string>,
): string | undefined {
  const names = new Set(present);
  const missing = [...wanted].find((name) => !names.has(name));
  const foreign = [...names].find((name) => !wanted.has(name));
  return missing === undefined
    ? foreign === undefined
      ? undefined
      : `${kind} ${foreign} is foreign`
    : `${kind} ${missing} is missing`;
}

function differingChain(
  nft: NftConnection,
  hooks: ReadonlyMap<string, string>,
  chains: readonly ChainRules[],
): string | undefined {
  const present = readRules(nft);
  const differing = chains.find(({ name, hook, rules }) => {
    const have = present.get(name) ?? [];
    return (
      hooks.get(name) !== hookText(hook) ||
      have.length !== rules.length ||
      rules.some((rule, i) => canonical(rule) !== have[i])
    );
  });
  return differing && `chain ${differing.name} differs`;
}

function differingSet(nft: NftConnection, ruleset: Ruleset, now: Programmed): string | undefined {
  for (const { name } of podMaps) {
    const [want, have] = [now.pods(name), readPods(nft, name)];
    if (want.size !== have.size || [...want].some(([address, chain]) => have.get(address) !== chain)) {
      return `map ${name} differs`;
    }
  }
  const expected = new Map<string, Set<string>>([...now.names.sets].map((name) => [name, new Set()]));
  for (const [elements, nameOf] of [
    [ruleset.members, selectionSet],
    [ruleset.namedPorts, portSet],
  ] as const) {
    for (const [number, texts] of elements) {
      for (const text of texts) {
        expected.get(nameOf(now.letter, number, elementFamily(text)))?.add(text);
      }
    }
  }
  for (const [name, want] of expected) {
    const have = readElements(nft, name);
    if (have.length !== want.size || have.some((text) => !want.has(text))) {
      return `set ${name} differs`;
    }
  }
  return undefined;
}
