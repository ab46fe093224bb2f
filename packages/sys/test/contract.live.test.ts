import { sys } from '@cnikit/sys';
import { describe, test } from 'vitest';
import { liveCases, runCase } from './contract.ts';

const outside = process.env.CNIKIT_SANDBOX !== '1';

describe.skipIf(outside)(
  'Sys under Node, in namespaces (needs the sandbox: run npm test at the root)',
  () => {
    test.each(liveCases)('$name', (contract) => runCase(sys, '/run', contract));
  },
);
