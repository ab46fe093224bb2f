import type { Requirement } from '../requirement.ts';
import { add } from './add.ts';
import { args } from './args.ts';
import { capabilities } from './capabilities.ts';
import { chain } from './chain.ts';
import { check } from './check.ts';
import { concurrency } from './concurrency.ts';
import { configuration } from './configuration.ts';
import { del } from './del.ts';
import { delegation } from './delegation.ts';
import { environment } from './environment.ts';
import { errors } from './errors.ts';
import { gc } from './gc.ts';
import { status } from './status.ts';
import { versions } from './versions.ts';

/** All requirements, in order. Those that examine all previous runs come last. */
export const requirements: readonly Requirement[] = [
  ...environment,
  ...configuration,
  ...versions,
  ...add,
  ...concurrency,
  ...del,
  ...check,
  ...chain,
  ...gc,
  ...status,
  ...args,
  ...capabilities,
  ...delegation,
  ...errors,
];
