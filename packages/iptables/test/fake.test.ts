import { describe } from 'vitest';
import { fakeIptables } from '../src/testing/index.ts';
import { contract } from './contract.ts';

for (const backend of ['nft', 'legacy'] as const) {
  for (const family of ['ipv4', 'ipv6'] as const) {
    describe(`fakeIptables(), ${backend}, ${family}`, () => contract(family, backend, () => fakeIptables()));
  }
}
