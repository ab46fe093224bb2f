import { checkKeys } from '../arguments.ts';
import type { Cluster } from '../cluster.ts';
import { compile } from '../compile/compiler.ts';
import { formatNft } from '../compile/nft.ts';
import { type DirectionVerdict, decide, type Verdict } from '../decide.ts';
import { findings } from '../findings.ts';
import { formatMatrix, matrix } from '../matrix.ts';
import { podName } from '../names.ts';
import { podsOfPolicies } from '../selection.ts';
import { type Question, QuestionError } from './question.ts';

/** Answer as text and as JSON. */
export interface Answer {
  text: string;
  json: unknown;
  /** Exit status of a program: 0; 1 for a denied connection or a finding. */
  status: 0 | 1;
}

/**
 * Answers each kind of question.
 *
 * @throws {QuestionError} when the question lacks a field that it needs
 * @throws {ArgumentError} when a field of the question has another type, such as a port that is a text
 * @throws {EndpointError} when an endpoint does not exist, has finished, or shares no family with the other
 */
export const answers = {
  /** Draws pods against pods. */
  matrix: drawMatrix,
  /** Names what decides about one connection. */
  why,
  /** Lists policies without effect. */
  check,
  /** Writes the rules of a node as input of `nft -f`. */
  nft,
} satisfies Readonly<Record<string, (cluster: Cluster, question: Question) => Answer>>;

function drawMatrix(cluster: Cluster, { services = [], namespaces = [], endpoints = [] }: Question): Answer {
  const pods = podsOfPolicies(cluster)
    .filter(({ metadata }) => namespaces.length === 0 || namespaces.includes(metadata.namespace))
    .map(podName);
  const result = matrix(cluster, {
    endpoints: [...new Set([...pods, ...endpoints])],
    services: services.length > 0 ? services : undefined,
  });
  const text =
    result.endpoints.length > 0
      ? formatMatrix(result, { perService: services.length > 0 })
      : 'No pods that a NetworkPolicy can select';
  return { text, json: result, status: 0 };
}

function why(cluster: Cluster, { from, to }: Question): Answer {
  if (from === undefined || to === undefined) {
    throw new QuestionError('why needs --from ENDPOINT and --to ENDPOINT:PORT');
  }
  checkKeys('to', to, ['endpoint', 'service']);
  const { protocol, port } = to.service;
  const verdict = decide(cluster, from, to.endpoint, protocol, port);
  const connection = `${from} to ${to.endpoint}, ${protocol}${port === undefined ? '' : ` ${port}`}`;
  return {
    text: `${connection}: ${verdict.allowed ? 'allowed' : 'denied'}\n${explain(verdict)}`,
    json: verdict,
    status: verdict.allowed ? 0 : 1,
  };
}

function explain({ egress, ingress }: Verdict): string {
  return [
    `  egress of the source: ${describe(egress, 'egress')}`,
    `  ingress of the destination: ${describe(ingress, 'ingress')}`,
  ].join('\n');
}

function describe({ reason, policies, rules }: DirectionVerdict, direction: string): string {
  switch (reason) {
    case 'own-address':
      return 'allowed, a pod reaches itself';
    case 'own-node':
      return 'allowed, a node reaches its own pods';
    case 'not-a-pod':
      return 'allowed, policies select pods only';
    case 'not-isolated':
      return 'allowed, no policy selects the pod';
    case 'rule':
      return `allowed by ${rules.map(({ policy, rule }) => `${policy} spec.${direction}[${rule}]`).join(', ')}`;
    case 'no-rule':
      return `denied, no rule of ${policies.join(', ')} allows it`;
  }
}

function check(cluster: Cluster): Answer {
  const found = findings(cluster);
  const count = `policies: ${cluster.policies.length}, findings: ${found.length}`;
  const lines = found.map(({ policy, field, message }) => `${policy} ${field}: ${message}`);
  return { text: [...lines, count].join('\n'), json: found, status: found.length > 0 ? 1 : 0 };
}

function nft(cluster: Cluster, { node, podCIDRs = [] }: Question): Answer {
  if (node === undefined) {
    throw new QuestionError('nft needs --node NAME');
  }
  const text = formatNft(compile(cluster, node), { podCIDRs });
  return { text: text.trimEnd(), json: { node, rules: text }, status: 0 };
}
