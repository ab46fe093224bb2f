#!/usr/bin/env node
/**
 * The command `cnikit-ipam` lists and frees host-local reservations.
 *
 * @module
 */
import { sys } from '@cnikit/sys';
import packageJson from '../package.json' with { type: 'json' };
import { run } from './cli/run.ts';

for (const stream of [process.stdout, process.stderr]) {
  // The reader may have ended, as `head` does, or the disk is full.
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    process.exitCode = code === 'EPIPE' ? process.exitCode : 1;
  });
}
process.exitCode = run(process.argv.slice(2), {
  sys,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  version: packageJson.version,
});
