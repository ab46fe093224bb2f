import { tmpdir } from 'node:os';
import { sys } from '@cnikit/sys';
import { describe, it } from 'vitest';
import { cases, runCase } from './contract.ts';

describe('Sys under Node', () => {
  it.each(cases)('$name', (contract) => runCase(sys, tmpdir(), contract));
});
