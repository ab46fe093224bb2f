/** Runs the contract of @cnikit/sys as an executable. Arguments: FOLDER [live], where `live` adds the namespace cases. */
import { sys } from '@cnikit/sys';
import { cases, liveCases, runCase } from '../../../packages/sys/test/contract.ts';

declare const __cnikit_argv: readonly string[];

const [, base, live] = __cnikit_argv;
for (const contract of live ? [...cases, ...liveCases] : cases) {
  let error: string | undefined;
  try {
    runCase(sys, base!, contract);
  } catch (thrown) {
    error = `${thrown}\n${(thrown as Error).stack}`;
  }
  sys.writeFdText(1, `${JSON.stringify({ name: contract.name, error })}\n`);
}
