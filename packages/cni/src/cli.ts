#!/usr/bin/env node
/** The command `cnikit-cni`. */
import packageJson from '../package.json' with { type: 'json' };
import { run } from './run.ts';

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  out: console.log,
  err: console.error,
  version: packageJson.version,
});
