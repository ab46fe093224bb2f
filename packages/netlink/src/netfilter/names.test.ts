import { expect, test } from 'vitest';
import { newChain, newSet, newTable } from '../nftables.ts';

const table = { family: 'inet', table: 't' } as const;

test.each(['ip6', 'map', 'masquerade', '1st', '-a', 'a b', 'a\nb', 'é', ''])(
  'newTable(), newChain() and newSet() refuse the name %j, which nft -f cannot read',
  (name) => {
    const refusal = /nft -f cannot read a (table|chain|set) named/;
    expect(() => newTable({ family: 'inet', name })).toThrow(refusal);
    expect(() => newChain({ ...table, name })).toThrow(refusal);
    expect(() => newSet({ ...table, name, key: 'ipv4_addr' })).toThrow(refusal);
  },
);

test.each(['ip4', 'any6', 'subnet-10.1.0.0/24', 'a_b', '_a', 'KUBE-SERVICES'])(
  'newChain() accepts the name %j',
  (name) => {
    expect(() => newChain({ ...table, name })).not.toThrow();
  },
);
