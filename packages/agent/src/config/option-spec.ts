/** Type of the rows of the option table. */
import type { Command } from './commands.ts';

export interface OptionSpec {
  type: 'string' | 'boolean';
  short?: string;
  /** The option may be repeated. */
  multiple?: true;
  /** The value's placeholder in the help. */
  value?: string;
  default?: string | boolean | string[];
  /** Describes a default that is not a fixed value. */
  defaultText?: string;
  /** Sentences without the final period. */
  help: string;
  group: OptionGroup;
  /** The commands that use the option; the others accept and ignore it. */
  commands: readonly Command[];
}

export const optionGroups = [
  'Cluster',
  'Routing',
  'NAT',
  'CNI plugin',
  'Network policy',
  'Operation',
  'Policy questions',
  'Output',
] as const;
export type OptionGroup = (typeof optionGroups)[number];
