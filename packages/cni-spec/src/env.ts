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

const OF_ATTACHMENT = ['CNI_COMMAND', 'CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'];
const OF_NETWORK = ['CNI_COMMAND', 'CNI_PATH'];
const OF_NONE = ['CNI_COMMAND'];

/**
 * The variables that each command requires. libcni requires CNI_PATH, the SPEC does not. DEL does not require
 * CNI_NETNS, because the namespace may no longer exist.
 */
const REQUIRED = new Map<string, readonly string[]>([
  ['ADD', OF_ATTACHMENT],
  ['DEL', OF_ATTACHMENT.filter((name) => name !== 'CNI_NETNS')],
  ['CHECK', OF_ATTACHMENT],
  ['GC', OF_NETWORK],
  ['STATUS', OF_NETWORK],
]);

/**
 * Validates the environment and returns CNI_COMMAND, which may be unknown: the caller checks it after reading
 * stdin.
 *
 * @throws {CniError} 4 for an invalid or missing variable
 */
export function checkEnv(env: Env, optional: readonly string[] = []): string {
  const { CNI_COMMAND: command = '', CNI_CONTAINERID: containerID, CNI_IFNAME: ifName } = env;
  if (command === 'ADD' || command === 'DEL' || command === 'CHECK') {
    // libcni reports an invalid value before missing variables.
    if (containerID && !isIdentifier(containerID)) {
      const problem = 'must be a letter or digit, then letters, digits, _ . or -';
      throw invalid('CNI_CONTAINERID', containerID, problem);
    }
    const problem = ifName ? interfaceNameProblem(ifName) : undefined;
    if (ifName && problem !== undefined) {
      throw invalid('CNI_IFNAME', ifName, problem);
    }
    // The usual case: all variables exist.
    if (containerID && ifName && env.CNI_NETNS && env.CNI_PATH) {
      return command;
    }
  }
  let missing = '';
  for (const name of REQUIRED.get(command) ?? OF_NONE) {
    if (!env[name] && !optional.includes(name)) {
      missing += missing === '' ? name : `,${name}`;
    }
  }
  if (missing !== '') {
    throw new CniError(ErrorCode.InvalidEnvironmentVariables, `Required env variables [${missing}] missing`);
  }
  return command;
}

function invalid(name: string, value: string, problem: string): CniError {
  return new CniError(
    ErrorCode.InvalidEnvironmentVariables,
    `Invalid ${name} ${JSON.stringify(value)}: it ${problem}`,
  );
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
