/**
 * The executable: compiles the program beside it, and takes V8's code from a file if there is one for exactly this
 * program. `cnikit-agent code-cache` makes that file: the build of the image runs it, with the Node of the image.
 */
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { constants, Script } from 'node:vm';
import { saveMemory } from './core/v8-flags.ts';

const PROGRAM = fileURLToPath(new URL('cnikit-agent-program.cjs', import.meta.url));
const CACHE = fileURLToPath(new URL('cnikit-agent-program.cache', import.meta.url));
const DIGEST_BYTES = 32;

const command = process.argv[2];
const makesCache = command === 'code-cache';
const runs = command === undefined || command === 'run' || command.startsWith('-');
if (makesCache || runs) {
  // V8 refuses code that was compiled with other flags.
  saveMemory();
}
const source = readFileSync(PROGRAM);
const script = new Script(source.toString('latin1'), {
  filename: PROGRAM,
  cachedData: runs ? cachedCode() : undefined,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
if (makesCache) {
  // V8 has then compiled the functions that initialise the modules.
  process.once('exit', (status) => {
    if (status === 0) {
      // An error here leaves the status alone.
      process.exitCode = 1;
      writeFileSync(CACHE, Buffer.concat([digest(), script.createCachedData()]));
      process.exitCode = 0;
    }
  });
}
const program = script.runInThisContext() as (require: NodeJS.Require, filename: string) => void;
program(createRequire(PROGRAM), PROGRAM);

/** Returns V8's code for this program; V8 itself compares no more than the length of the source. */
function cachedCode(): Buffer | undefined {
  try {
    const cache = readFileSync(CACHE);
    return cache.subarray(0, DIGEST_BYTES).equals(digest()) ? cache.subarray(DIGEST_BYTES) : undefined;
  } catch {
    return undefined;
  }
}

function digest(): Buffer {
  return hash('sha256', source, 'buffer');
}
