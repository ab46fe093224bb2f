import process from 'node:process';
import { describe } from 'vitest';
import { contract } from './contract.ts';
import { realHost } from './real-host.ts';

const sandboxed = process.env.CNIKIT_SANDBOX === '1';

describe.skipIf(!sandboxed)('real iptables (needs the sandbox: run npm test at the root)', () => {
  for (const backend of ['nft', 'legacy'] as const) {
    for (const family of ['ipv4', 'ipv6'] as const) {
      describe(`${backend}, ${family}`, () => contract(family, backend, realHost));
    }
  }
});
