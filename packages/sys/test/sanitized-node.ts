/** The contract over the addon that the first argument names; a line of JSON for each case. */
import { createRequire } from 'node:module';
import { createSys } from '../src/create.ts';
import { cases, liveCases, runCase } from './contract.ts';

// Programs that it runs must not load the sanitizer too.
delete process.env.LD_PRELOAD;
const [, , addon, base, live] = process.argv;
const sys = createSys(createRequire(import.meta.url)(addon!));
for (const contract of live ? [...cases, ...liveCases] : cases) {
  let error: string | undefined;
  try {
    runCase(sys, base!, contract);
  } catch (thrown) {
    error = String(thrown);
  }
  console.log(JSON.stringify({ name: contract.name, error }));
}
