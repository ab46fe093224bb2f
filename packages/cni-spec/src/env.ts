import { CniError, ErrorCode } from './error.ts';
import { interfaceNameProblem, isIdentifier } from './identifiers.ts';

/** The operations of the protocol (SPEC section 2). */
export const commands = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;

/** One of {@link commands}. */
export type Command = (typeof commands)[number];

/** The commands that a plugin implements; VERSION is answered for it. */
export type Verb = Exclude<Command, 'VERSION'>;

/** Environment variables, as `process.env` has them. Empty counts as absent. */
export type Env = Readonly<Record<string, string | undefined>>;

interface Variable {
  readonly name: string;
  readonly requiredBy: readonly Command[];
  /** What is wrong with a value, checked for the commands that require the variable. */
  readonly problem?: (value: string) => string | undefined;
}

/**
 * Which command needs which variable. CNI_PATH is what the reference asks for beyond the SPEC; DEL may lack
 * CNI_NETNS, since the namespace may be gone.
 */
export const variables: readonly Variable[] = [
  { name: 'CNI_COMMAND', requiredBy: ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] },
  {
    name: 'CNI_CONTAINERID',
    requiredBy: ['ADD', 'DEL', 'CHECK'],
    problem: (value) =>
      isIdentifier(value)
        ? undefined
        : 'must start with a letter or digit and go on with letters, digits, _ . or -',
  },
  { name: 'CNI_NETNS', requiredBy: ['ADD', 'CHECK'] },
  { name: 'CNI_IFNAME', requiredBy: ['ADD', 'DEL', 'CHECK'], problem: interfaceNameProblem },
  { name: 'CNI_PATH', requiredBy: ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'] },
];

/** What CNI_COMMAND says, which may be a word that is no {@link Command}; the caller refuses that after stdin. */
export function checkEnv(env: Env, optional: readonly string[] = []): string {
  const command = env.CNI_COMMAND ?? '';
  const missing: string[] = [];
  for (const { name, requiredBy, problem } of variables) {
    const value = env[name] ?? '';
    const required = name === 'CNI_COMMAND' || (requiredBy as readonly string[]).includes(command);
    if (!required) {
      continue;
    }
    if (value === '') {
      if (!optional.includes(name)) {
        missing.push(name);
      }
      continue;
    }
    // A malformed value is reported at once, before any that are missing, as the reference does.
    const trouble = problem?.(value);
    if (trouble !== undefined) {
      throw new CniError(
        ErrorCode.InvalidEnvironmentVariables,
        `Invalid ${name} ${JSON.stringify(value)}: it ${trouble}`,
      );
    }
  }
  if (missing.length > 0) {
    throw new CniError(
      ErrorCode.InvalidEnvironmentVariables,
      `Required env variables [${missing.join(',')}] missing`,
    );
  }
  return command;
}

/** Whether the word is a command that a plugin implements. Commands are upper case. */
export function isVerb(word: string): word is Verb {
  return word !== 'VERSION' && (commands as readonly string[]).includes(word);
}

/** The folders of CNI_PATH, in order. */
export function splitPath(path: string | undefined): string[] {
  return (path ?? '').split(':').filter((folder) => folder !== '');
}
