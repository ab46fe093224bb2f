#!/usr/bin/env node
/**
 * The command `cnikit-ipam` lists and frees host-local reservations.
 *
 * @module
 */
import { sys } from '@cnikit/sys';
import { run } from './cli/run.ts';

process.exitCode = run(process.argv.slice(2), {
  sys,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
