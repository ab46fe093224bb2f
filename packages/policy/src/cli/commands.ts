import type { Cluster } from '../cluster.ts';
import { compile } from '../compile/compiler.ts';
import { formatNft } from '../compile/nft.ts';
import { type DirectionVerdict, decide, type Verdict } from '../decide.ts';
import { findings } from '../findings.ts';
import { formatMatrix, matrix } from '../matrix.ts';
import { podName } from '../names.ts';
import { podsOfPolicies } from '../selection.ts';
import { type Options, UsageError } from './options.ts';

/** Output of a command, and its exit status. */
export interface Output {
  text: string;
  json: unknown;
  status?: number;
}

export const COMMANDS: Readonly<Record<string, (cluster: Cluster, options: Options) => Output>> = {
  matrix: drawMatrix,
  why,
  check,
  nft,
};

function drawMatrix(cluster: Cluster, { services, namespaces, endpoints }: Options): Output {
  const pods = podsOfPolicies(cluster)
    .filter(({ metadata }) => namespaces.length === 0 || namespaces.includes(metadata.namespace))
    .map(podName);
  const result = matrix(cluster, {
    endpoints: [...new Set([...pods, ...endpoints])],
    services: services.length > 0 ? services : undefined,
  });
  return { text: formatMatrix(result, { perService: services.length > 0 }), json: result };
}

function why(cluster: Cluster, { from, to }: Options): Output {
  if (from === undefined || to === undefined) {
    throw new UsageError('why needs --from ENDPOINT and --to ENDPOINT:PORT');
  }
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

function check(cluster: Cluster): Output {
  const found = findings(cluster);
  const count = `policies: ${cluster.policies.length}, findings: ${found.length}`;
  const lines = found.map(({ policy, field, message }) => `${policy} ${field}: ${message}`);
  return { text: [...lines, count].join('\n'), json: found, status: found.length > 0 ? 1 : 0 };
}

function nft(cluster: Cluster, { node, podCIDRs }: Options): Output {
  if (node === undefined) {
    throw new UsageError('nft needs --node NAME');
  }
  const text = formatNft(compile(cluster, node), { podCIDRs });
  return { text: text.trimEnd(), json: { node, rules: text } };
}
