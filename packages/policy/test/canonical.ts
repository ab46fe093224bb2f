import type { PolicyCompiler } from '../src/index.ts';

/** A ruleset with what its numbers stand for, in place of the numbers. Equal inputs give equal values in any order. */
export function canonical(compiler: PolicyCompiler): unknown {
  const { chains, members, namedPorts, pods } = compiler.ruleset;
  const chain = (name: string) =>
    name.startsWith('pods/') ? `pods/${compiler.describe('podChain', Number(name.slice(5)))}` : name;
  const sets = (kind: 'selection' | 'namedPort', map: ReadonlyMap<number, ReadonlySet<string>>) =>
    Object.fromEntries(
      [...map].map(([number, elements]) => [compiler.describe(kind, number)!, [...elements].sort()]),
    );
  const rules = (name: string) =>
    chains.get(name)!.map(({ peer, service, verdict }) => ({
      peer: peer && 'selection' in peer ? compiler.describe('selection', peer.selection) : peer,
      service:
        service?.namedPort === undefined
          ? service
          : { ...service, namedPort: compiler.describe('namedPort', service.namedPort) },
      verdict: typeof verdict === 'string' ? verdict : { jump: chain(verdict.jump) },
    }));
  const podMap = (map: ReadonlyMap<string, string>) =>
    Object.fromEntries([...map].map(([address, name]) => [address, chain(name)]));
  return {
    chains: Object.fromEntries([...chains.keys()].map((name) => [chain(name), rules(name)])),
    members: sets('selection', members),
    namedPorts: sets('namedPort', namedPorts),
    ingress: podMap(pods.ingress),
    egress: podMap(pods.egress),
  };
}
