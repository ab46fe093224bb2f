import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { lastEvents, nodeNames, readyNodes } from '../cluster.ts';
import { type Context, machinesOf, type Scenario } from '../context.ts';
import { waitFor } from '../wait.ts';

/** Namespace of the DaemonSet. */
export const NAMESPACE = 'kube-system';
/** Manifests of agents that enforce NetworkPolicies; beside those of deploy/base, they grant rights. */
export const POLICY_OVERLAY = 'deploy/overlays/network-policy';

export const notReadyBefore: Scenario = {
  title: 'nodes without a CNI configuration are registered and NotReady',
  needs: ['machines'],
  async run({ cluster }) {
    const ready = readyNodes(cluster);
    if (ready.length > 0) {
      throw new Error(`Ready before anything was installed: ${ready.join(', ')}`);
    }
    return nodeNames(cluster).join(', ');
  },
};

export const install: Scenario = {
  title: 'kubectl apply -k deploy/base starts an agent on every node and makes every node Ready',
  essential: true,
  async run(context) {
    const { cluster, imageArchive } = context;
    if (imageArchive !== undefined) {
      machinesOf(context).load(imageArchive);
    }
    cluster.kubectl('apply', '-k', manifests(context));
    const nodes = nodeNames(cluster);
    await waitFor(
      'every node to be Ready',
      () => (readyNodes(cluster).length === nodes.length ? true : undefined),
      () => `${lastEvents(cluster)}\n${agentLog(cluster.kubectl)}`,
    );
    cluster.kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-agent', '--timeout=180s');
    return `${nodes.length} nodes`;
  },
};

/** Returns the folder with the manifests: deploy/base, or a kustomization of it that sets the layout. */
export function manifests(context: Context): string {
  const base = 'deploy/base';
  const { repository, layout } = context;
  return layout === undefined
    ? join(repository, base)
    : withArguments(context, base, `deploy-${layout}`, `--layout=${layout}`);
}

/**
 * Returns a folder with the manifests of another one, and with more arguments of the agent. All nodes change at the same
 * time: only the scenario of the upgrade is about one after the other.
 */
export function withArguments(
  { repository, state }: Context,
  base: string,
  name: string,
  ...args: string[]
): string {
  const folder = join(realpathSync(state), name);
  mkdirSync(folder, { recursive: true });
  const patch = [
    { op: 'replace', path: '/spec/updateStrategy/rollingUpdate/maxUnavailable', value: '100%' },
    ...args.map((value) => ({ op: 'add', path: '/spec/template/spec/containers/0/args/-', value })),
  ];
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    // Kustomize accepts relative paths only.
    resources: [relative(folder, join(repository, base))],
    patches: [{ target: { kind: 'DaemonSet', name: 'cnikit-agent' }, patch: JSON.stringify(patch) }],
  };
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
  return folder;
}

/** Applies manifests, if absent those of {@link install}, and waits until every agent runs with them. */
export function rollOut(context: Context, folder: string | undefined): void {
  const { kubectl } = context.cluster;
  if (folder === undefined) {
    const rights = join(context.repository, POLICY_OVERLAY, 'rbac.yaml');
    kubectl('delete', '-f', rights, '--ignore-not-found');
  }
  kubectl('apply', '-k', folder ?? manifests(context));
  kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-agent', '--timeout=300s');
}

/** The last log lines of the agents. */
export function agentLog(kubectl: (...argv: string[]) => string): string {
  return kubectl('-n', NAMESPACE, 'logs', '-l', 'app.kubernetes.io/name=cnikit-agent', '--tail=15');
}
