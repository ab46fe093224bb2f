/** The kernel interface behind the command: nf_tables (`iptables-nft`) or x_tables (`iptables-legacy`). */
export type Backend = 'nft' | 'legacy';

/** The tables of iptables(8). */
export type TableName = 'filter' | 'nat' | 'mangle' | 'raw' | 'security';

/** A value, or everything but that value (iptables' `!`). */
export type Negatable<T> = T | { readonly not: T };

/** An extension loaded with `-m`, with its options as iptables-extensions(8) writes them. */
export interface Match {
  /** Name of the extension, such as `conntrack`. */
  readonly module: string;
  /** Its options as argv, such as `['--ctstate', 'NEW']`; `'!'` before an option negates it. */
  readonly options?: readonly string[];
}

/** One rule as an object. What is left out matches everything. */
export interface Rule {
  /** Address or network, such as `10.0.0.0/8`. Host names are refused: their meaning changes. */
  readonly source?: Negatable<string>;
  /** Address or network. */
  readonly destination?: Negatable<string>;
  /** Interface name; a trailing `+` matches every name that begins so. */
  readonly inInterface?: Negatable<string>;
  /** Interface name; a trailing `+` matches every name that begins so. */
  readonly outInterface?: Negatable<string>;
  /** Name or number, such as `tcp`. */
  readonly protocol?: Negatable<string>;
  /** Destination port or range `first:last`; needs `protocol`. */
  readonly destinationPort?: Negatable<string | number>;
  /** Source port or range `first:last`; needs `protocol`. */
  readonly sourcePort?: Negatable<string | number>;
  /** Up to 255 bytes, shown by iptables-save. */
  readonly comment?: string;
  /** Further extensions, in order. */
  readonly matches?: readonly Match[];
  /** Target or chain to jump to (`-j`). */
  readonly jump?: string;
  /** Chain to continue in without return (`-g`). */
  readonly goto?: string;
  /** Options of the target as argv, such as `['--to-ports', '8080']`. */
  readonly targetOptions?: readonly string[];
}

/** A rule as an object, or as the argv that would follow `iptables -A CHAIN`. */
export type RuleSpec = Rule | readonly string[];

/**
 * Where a jump stands in the foreign chain: before everything, after everything, or somewhere before
 * a given rule (and at the end while that rule is not there).
 */
export type Position = 'first' | 'last' | { readonly before: RuleSpec };

/** The one rule in a chain of others that leads into an own chain. */
export interface JumpSpec {
  /** The chain of others, built in or not. */
  readonly from: string;
  /** The own chain. */
  readonly to: string;
  readonly at: Position;
  /** Conditions and comment; it has no target of its own. */
  readonly rule?: RuleSpec;
}

/** What one table has to hold. */
export interface TableSpec {
  readonly table: TableName;
  /** Own chains by name, each with all its rules in order. */
  readonly chains: Readonly<Record<string, readonly RuleSpec[]>>;
  readonly jumps?: readonly JumpSpec[];
}

/** How text was run: the exit status (127 when there is no such program) and what it wrote. */
export interface RunResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program, without a shell, with `input` as its standard input, and waits for it. */
export type Run = (argv: readonly string[], input?: string) => RunResult;

/** The chains each table is born with (iptables(8), TABLES). */
export const BUILTIN_CHAINS: Readonly<Record<TableName, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};
