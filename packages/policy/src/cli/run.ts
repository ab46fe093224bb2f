import { type Cluster, readCluster } from '../cluster.ts';
import { loadManifests, parseManifests } from '../manifests.ts';
import { answers } from '../questions/answers.ts';
import { readLiveCluster } from '../questions/live-cluster.ts';
import { QuestionError } from '../questions/question.ts';
import { expandManifests } from '../workloads.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { type Options, parseOptions, USAGE } from './options.ts';

/** Time limit for the lists of a cluster. */
const TIMEOUT_MS = 60_000;

/** Standard input, output and error, and the version of the command. */
export interface Surroundings {
  input: () => string;
  out: (line: string) => void;
  err: (line: string) => void;
  version: string;
}

/** Runs `cnikit-policy` with the arguments. Returns its exit status. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options.help || options.version) {
      surroundings.out(options.help ? USAGE : surroundings.version);
      return 0;
    }
    const { command } = options;
    if (!isCommand(command)) {
      throw new QuestionError(command === '' ? 'Expected a command' : `Unknown command ${command}`);
    }
    const { text, json, status } = answers[command](await readInput(options, surroundings), options);
    surroundings.out(options.json ? JSON.stringify(json) : text);
    return status;
  } catch (error) {
    surroundings.err((error as Error).message);
    if (error instanceof QuestionError) {
      surroundings.err('Try: cnikit-policy --help');
    }
    return 2;
  }
}

const isCommand = (text: string): text is keyof typeof answers => Object.hasOwn(answers, text);

async function readInput({ paths, kubeconfig }: Options, { input }: Surroundings): Promise<Cluster> {
  if (kubeconfig !== undefined) {
    if (paths.length > 0) {
      throw new QuestionError('Expected either PATH or --kubeconfig, not both');
    }
    return readLiveCluster(await readKubeconfig(kubeconfig), { timeoutMs: TIMEOUT_MS });
  }
  if (paths.length === 0) {
    throw new QuestionError('Expected PATH or --kubeconfig FILE');
  }
  return paths.length === 1 && paths[0] === '-'
    ? readCluster(expandManifests(parseManifests(input(), 'standard input')))
    : loadManifests(paths);
}
