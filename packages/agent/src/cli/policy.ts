/** `cnikit-agent policy`: answers questions about the NetworkPolicies of the cluster. */
import { EndpointError, InvalidObjectError } from '@cnikit/policy';
import {
  answers,
  parseDestination,
  parseService,
  type Question,
  QuestionError,
  readLiveCluster,
} from '@cnikit/policy/questions';
import { WatchError } from '@cnikit/watch';
import type { Config } from '../config/config.ts';
import type { PolicyQuestion } from '../config/question.ts';
import { AgentError } from '../core/error.ts';
import { USER_AGENT } from '../core/names.ts';
import { loadKubeConfig } from '../kube/api.ts';
import type { Output } from './plan.ts';

/** Time limit for all lists: those of 100,000 pods take some seconds. */
const TIMEOUT_MS = 60_000;
/** Exit status without an answer; 1 is the answer that a connection is denied. */
const NO_ANSWER = 2;

const FORBIDDEN =
  '. deploy/overlays/network-policy grants it to the agent; or set --kubeconfig to a user who may';

/** Prints the answer. Returns its exit status: 0, 1 for a denied connection or a finding, 2 without an answer. */
export async function policy(config: Config, env: NodeJS.ProcessEnv, { out, err }: Output): Promise<number> {
  const { name } = config.question!;
  try {
    const question = parse(config.question!);
    const kubeConfig = await loadKubeConfig(config, env);
    const cluster = await readLiveCluster(kubeConfig, { timeoutMs: TIMEOUT_MS, userAgent: USER_AGENT });
    const { text, json, status } = answers[name](cluster, question);
    out(`${config.json ? JSON.stringify(json) : text}\n`);
    return status;
  } catch (error) {
    if (!isExpected(error)) {
      throw error;
    }
    const fix = (error as WatchError).status === 403 ? FORBIDDEN : '';
    err(`cnikit-agent: ${error.message}${fix}\n`);
    return NO_ANSWER;
  }
}

function parse({ from, to, namespaces, ports, endpoints }: PolicyQuestion): Question {
  return {
    from,
    to: to === undefined ? undefined : parseDestination(to),
    namespaces,
    services: ports.map((text) => parseService(text)),
    endpoints,
  };
}

function isExpected(error: unknown): error is Error {
  return [AgentError, EndpointError, InvalidObjectError, QuestionError, WatchError].some(
    (kind) => error instanceof kind,
  );
}
