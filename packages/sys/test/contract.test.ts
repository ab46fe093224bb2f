import { tmpdir } from 'node:os';
import { sys } from '@cnikit/sys';
import { describe, test } from 'vitest';
import { cases, runCase } from './contract.ts';

describe('Sys under Node', () => {
  test.each(cases)('$name', (contract) => runCase(sys, tmpdir(), contract));
});
