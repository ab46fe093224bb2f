#!/usr/bin/env node
/** The command `cnikit-policy`. */
import { readFileSync } from 'node:fs';
import packageJson from '../package.json' with { type: 'json' };
import { run } from './cli/run.ts';

process.exitCode = await run(process.argv.slice(2), {
  input: () => readFileSync(0, 'utf8'),
  out: console.log,
  err: console.error,
  version: packageJson.version,
});
