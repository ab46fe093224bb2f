import { CniError, ErrorCode } from './error.ts';
import { interfaceNameProblem, isIdentifier } from './identifiers.ts';

/** The operations of the protocol (SPEC section 2). */
export const commands = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;

/** One of {@link commands}. */
export type Command = (typeof commands)[number];

/** The commands that a plugin implements. `dispatch()` handles VERSION. */
export type Verb = Exclude<Command, 'VERSION'>;

/** Environment variables, like `process.env`. An empty one counts as absent. */
export type Env = Readonly<Record<string, string | undefined>>;

interface Variable {
  readonly name: string;
  readonly requiredBy: readonly Command[];
  /** Returns what is wrong with a value. Called for the commands that require the variable. */
  readonly problem?: (value: string) => string | undefined;
}

/**
 * The variables that each command requires. libcni requires CNI_PATH, the SPEC does not. DEL does not require
 * CNI_NETNS, because the namespace may no longer exist.
 */
export const variables: readonly Variable[] = [
  { name: 'CNI_COMMAND', requiredBy: ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] },
  {
    name: 'CNI_CONTAINERID',
    requiredBy: ['ADD', 'DEL', 'CHECK'],
    problem: (value) =>
      isIdentifier(value) ? undefined : 'must be a letter or digit, then letters, digits, _ . or -',
  },
  { name: 'CNI_NETNS', requiredBy: ['ADD', 'CHECK'] },
  { name: 'CNI_IFNAME', requiredBy: ['ADD', 'DEL', 'CHECK'], problem: interfaceNameProblem },
  { name: 'CNI_PATH', requiredBy: ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'] },
];

/** {@link variables} by the command that requires them. */
const REQUIRED = new Map<string, readonly Variable[]>(
  commands.map((command) => [command, variables.filter(({ requiredBy }) => requiredBy.includes(command))]),
);
/** The variables that an unknown command requires. */
const REQUIRED_BY_ALL = variables.filter(({ name }) => name === 'CNI_COMMAND');

/**
 * Validates the environment and returns CNI_COMMAND, which may be unknown: the caller checks it after reading
 * stdin.
 *
 * @throws {CniError} 4 for an invalid or missing variable
 */
export function checkEnv(env: Env, optional: readonly string[] = []): string {
  const command = env.CNI_COMMAND ?? '';
  let missing = '';
  for (const { name, problem } of REQUIRED.get(command) ?? REQUIRED_BY_ALL) {
    const value = env[name];
    if (!value) {
      if (!optional.includes(name)) {
        missing += missing === '' ? name : `,${name}`;
      }
      continue;
    }
    // libcni reports an invalid value before missing variables.
    const trouble = problem?.(value);
    if (trouble !== undefined) {
      throw new CniError(
        ErrorCode.InvalidEnvironmentVariables,
        `Invalid ${name} ${JSON.stringify(value)}: it ${trouble}`,
      );
    }
  }
  if (missing !== '') {
    throw new CniError(ErrorCode.InvalidEnvironmentVariables, `Required env variables [${missing}] missing`);
  }
  return command;
}

/** Returns true for a command that a plugin implements, in upper case. */
export function isVerb(word: string): word is Verb {
  return word !== 'VERSION' && (commands as readonly string[]).includes(word);
}

/** Splits CNI_PATH into its folders. */
export function splitPath(path: string | undefined): string[] {
  const folders = (path ?? '').split(':');
  return folders.includes('') ? folders.filter((folder) => folder !== '') : folders;
}
