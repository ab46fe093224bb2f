import { applyChanges, type Change, type Ruleset } from '../src/index.ts';

/**
 * Applies changes one by one and reports what the kernel would refuse: a jump to a chain that does not exist, a chain
 * deleted while a rule or a pod refers to it, an element added twice or deleted while absent.
 */
export function refusals(ruleset: Ruleset, changes: readonly Change[]): string[] {
  return changes.flatMap((change) => {
    const refused = refusal(ruleset, change);
    applyChanges(ruleset, [change]);
    return refused === undefined ? [] : [`${JSON.stringify(change)}: ${refused}`];
  });
}

function refusal(ruleset: Ruleset, change: Change): string | undefined {
  switch (change.type) {
    case 'member':
    case 'namedPort': {
      const [sets, element] =
        change.type === 'member' ? [ruleset.members, change.address] : [ruleset.namedPorts, change.entry];
      const exists = sets.get(change.selection)?.has(element) ?? false;
      return exists === (change.action === 'add') ? `the element exists: ${exists}` : undefined;
    }
    case 'chain': {
      if (change.action === 'delete') {
        return targets(ruleset).includes(change.name) ? 'the chain is in use' : undefined;
      }
      const missing = change.rules.flatMap(({ verdict }) =>
        typeof verdict === 'string' || ruleset.chains.has(verdict.jump) ? [] : [verdict.jump],
      );
      return missing.length > 0 ? `no chain ${missing}` : undefined;
    }
    case 'pod':
      if (change.action === 'delete') {
        return ruleset.pods[change.direction].has(change.address) ? undefined : 'no such element';
      }
      return ruleset.chains.has(change.chain) ? undefined : `no chain ${change.chain}`;
  }
}

function targets({ chains, pods }: Ruleset): string[] {
  const jumps = [...chains.values()]
    .flat()
    .flatMap(({ verdict }) => (typeof verdict === 'string' ? [] : [verdict.jump]));
  return [...jumps, ...pods.ingress.values(), ...pods.egress.values()];
}
