import type { Family } from '@cnikit/ip';

/** The kernel interface behind the command: nf_tables (`iptables-nft`) or x_tables (`iptables-legacy`). */
export type Backend = 'nft' | 'legacy';

/** The tables of iptables(8). */
export type TableName = 'filter' | 'nat' | 'mangle' | 'raw' | 'security';

/** A value, or any other value (`!` in iptables). */
export type Negatable<T> = T | { readonly not: T };

/** An extension loaded with `-m`, with its options as iptables-extensions(8) writes them. */
export interface Match {
  /** Name of the extension, such as `conntrack`. */
  readonly module: string;
  /** Its options as argv, such as `['--ctstate', 'NEW']`; `'!'` before an option negates it. */
  readonly options?: readonly string[];
}

/** A rule as an object. An omitted property matches everything. */
export interface Rule {
  /** Address or network, such as `10.0.0.0/8`. Host names are refused because their addresses can change. */
  readonly source?: Negatable<string>;
  /** Address or network. */
  readonly destination?: Negatable<string>;
  /** Interface name; a trailing `+` matches every name with that prefix. */
  readonly inInterface?: Negatable<string>;
  /** Interface name; a trailing `+` matches every name with that prefix. */
  readonly outInterface?: Negatable<string>;
  /** Name or number, such as `tcp`. */
  readonly protocol?: Negatable<string>;
  /** Destination port or range `first:last`; needs `protocol`. */
  readonly destinationPort?: Negatable<string | number>;
  /** Source port or range `first:last`; needs `protocol`. */
  readonly sourcePort?: Negatable<string | number>;
  /** Up to 255 bytes, printed by iptables-save. */
  readonly comment?: string;
  /** Further extensions, in order. */
  readonly matches?: readonly Match[];
  /** Target or chain to jump to (`-j`). */
  readonly jump?: string;
  /** Chain to continue in without returning (`-g`). */
  readonly goto?: string;
  /** Options of the target as argv, such as `['--to-ports', '8080']`. */
  readonly targetOptions?: readonly string[];
}

/** A rule as an object, or as the argv that would follow `iptables -A CHAIN`. */
export type RuleSpec = Rule | readonly string[];

/**
 * Place of a jump in the foreign chain: before all rules, after all rules, before the default, or anywhere before a
 * given rule.
 *
 * - `before-default`: behind every foreign rule that drops or rejects some packets, and before the first one that drops
 *   or rejects all. A chain that accepts packets there respects the decisions of other programs, but not their default.
 * - `{ before }`: while that rule does not exist, the jump is last.
 */
export type Position = 'first' | 'last' | 'before-default' | { readonly before: RuleSpec };

/** The rule in a foreign chain that jumps to an owned chain. */
export interface JumpSpec {
  /** Foreign chain, built in or not. */
  readonly from: string;
  /** Owned chain. */
  readonly to: string;
  readonly at: Position;
  /** Matches and comment, without a target. */
  readonly rule?: RuleSpec;
}

/** The desired contents of one table. */
export interface TableSpec {
  readonly table: TableName;
  /** Owned chains by name, each with all its rules in order. */
  readonly chains: Readonly<Record<string, readonly RuleSpec[]>>;
  readonly jumps?: readonly JumpSpec[];
}

/** Result of a program: its exit status (127 when the program does not exist) and its output. */
export interface RunResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without a shell, with `input` as its standard input, and waits for it to exit. */
export type Run = (argv: readonly string[], input?: string) => RunResult;

/** Options of `planTables()` and `planRemoval()`. */
export interface PlanOptions {
  readonly family: Family;
  /**
   * Own every chain whose name starts with this prefix: an undeclared one is removed.
   *
   * @default only the declared chains are owned
   */
  readonly prefix?: string | undefined;
  /** For declared rules whose key differs from that of the saved rule: the saved key by the declared one. */
  readonly spellings?: ReadonlyMap<string, string> | undefined;
}

/** The built-in chains of each table (iptables(8), TABLES). */
export const BUILTIN_CHAINS: Readonly<Record<TableName, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};
