import type { Requirement } from '../requirement.ts';
import { add, check } from './add.ts';
import { args, configuration, versions } from './configuration.ts';
import { del, errors, gc } from './del.ts';
import { delegation } from './delegation.ts';
import { environment } from './environment.ts';

/** Everything that is tried, in order; what looks back over all runs comes last. */
export const requirements: readonly Requirement[] = [
  ...environment,
  ...configuration,
  ...versions,
  ...add,
  ...del,
  ...check,
  ...gc,
  ...args,
  ...delegation,
  ...errors,
];
