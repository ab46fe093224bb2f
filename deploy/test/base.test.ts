import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const base = fileURLToPath(new URL('../base/', import.meta.url));
const read = (name: string): string => readFileSync(base + name, 'utf8');

type Json = Record<string, unknown>;
interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels: Record<string, string> };
}
interface Container {
  name: string;
  image: string;
  args: string[];
  env: Array<{ name: string; valueFrom: Json }>;
  securityContext: Json & { capabilities: { drop: string[]; add: string[] } };
  ports: Array<{ name: string; containerPort: number; hostPort: number }>;
  livenessProbe: { httpGet: Json };
  readinessProbe: { httpGet: Json };
  resources: { requests: Record<string, string> };
  volumeMounts: Array<{ name: string; mountPath: string }>;
}
interface DaemonSet extends Manifest {
  spec: {
    selector: { matchLabels: Record<string, string> };
    updateStrategy: { type: string };
    template: {
      metadata: { labels: Record<string, string> };
      spec: Json & {
        containers: Container[];
        volumes: Array<{ name: string; hostPath: { path: string; type: string } }>;
      };
    };
  };
}

const kustomization = parse(read('kustomization.yaml')) as { resources: string[] };
const manifests = kustomization.resources.flatMap((name) =>
  parseAllDocuments(read(name)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  }),
);
const only = <T extends Manifest>(kind: string): T => {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as T;
};

describe('deploy/base', () => {
  test('deploy/base lists every file of its folder', () => {
    expect([...kustomization.resources, 'kustomization.yaml'].sort()).toEqual(readdirSync(base).sort());
  });

  test('deploy/base renders with kubectl kustomize', ({ skip }) => {
    const { status, stdout, error } = spawnSync('kubectl', ['kustomize', base], { encoding: 'utf8' });
    skip(error !== undefined, 'kubectl is not installed');
    expect(status).toBe(0);
    const kinds = parseAllDocuments(stdout).map((document) => (document.toJS() as Manifest).kind);
    expect(kinds.sort()).toEqual(manifests.map(({ kind }) => kind).sort());
  });

  test('deploy/base grants exactly the permissions that the agent uses', () => {
    expect(only<Manifest & { rules: unknown }>('ClusterRole').rules).toEqual([
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
    ]);
    const events = only<Manifest & { rules: unknown }>('Role');
    expect(events.metadata.namespace).toBe('default');
    expect(events.rules).toEqual([{ apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] }]);
  });

  test('deploy/base explains each permission, capability and host path', () => {
    for (const name of ['rbac.yaml', 'daemonset.yaml']) {
      const lines = read(name).split('\n');
      lines.forEach((line, i) => {
        if (
          /^\s+- (apiGroups:|NET_)/.test(line) ||
          (/^\s+- name: (cni-|state|xtables).*$/.test(line) && /hostPath/.test(lines[i + 1]!))
        ) {
          expect(lines[i - 1]?.trim(), `${name}:${i + 1}`).toMatch(/^#/);
        }
      });
    }
  });

  test('deploy/base binds the role to the ServiceAccount of the DaemonSet', () => {
    const account = only('ServiceAccount');
    const binding = only<Manifest & { roleRef: Json; subjects: Json[] }>('ClusterRoleBinding');
    expect(binding.roleRef).toEqual({
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: only('ClusterRole').metadata.name,
    });
    const subjects = [
      { kind: 'ServiceAccount', name: account.metadata.name, namespace: account.metadata.namespace },
    ];
    expect(binding.subjects).toEqual(subjects);
    const events = only<Manifest & { roleRef: Json; subjects: Json[] }>('RoleBinding');
    expect(events.roleRef).toMatchObject({ kind: 'Role', name: only('Role').metadata.name });
    expect(events.subjects).toEqual(subjects);
    expect(only<DaemonSet>('DaemonSet').spec.template.spec.serviceAccountName).toBe(account.metadata.name);
  });
});

describe('the DaemonSet', () => {
  const { spec, metadata } = only<DaemonSet>('DaemonSet');
  const pod = spec.template.spec;
  const container = pod.containers[0]!;

  test('the DaemonSet runs on every node, before the pod network and with system priority', () => {
    expect(metadata.namespace).toBe('kube-system');
    expect(pod).toMatchObject({
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
    });
    expect(spec.updateStrategy.type).toBe('RollingUpdate');
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  });

  test('the DaemonSet is not privileged: two capabilities, a read-only root, the default seccomp profile', () => {
    expect(container.securityContext).toEqual({
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsUser: 0,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    });
    expect(pod.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    for (const key of ['hostPID', 'hostIPC', 'shareProcessNamespace']) {
      expect(pod[key]).toBeUndefined();
    }
  });

  test('containerd/containerd#3667: the DaemonSet mounts the CNI directories, its state, the results and the lock, never /run/netns', () => {
    expect(pod.volumes.map(({ hostPath }) => hostPath.path)).toEqual([
      '/opt/cni/bin',
      '/etc/cni/net.d',
      '/run/cnikit',
      '/var/lib/cni',
      '/run/xtables.lock',
    ]);
    const mounted = new Map(container.volumeMounts.map(({ name, mountPath }) => [name, mountPath]));
    for (const { name, hostPath } of pod.volumes) {
      expect(mounted.get(name)).toBe(hostPath.path);
    }
  });

  test('the DaemonSet sets NODE_NAME and probes the health port', () => {
    expect(container.env).toEqual([
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ]);
    expect(container.ports[0]).toMatchObject({ name: 'health', containerPort: 9470, hostPort: 9470 });
    for (const [probe, path] of [
      [container.livenessProbe, '/healthz'],
      [container.readinessProbe, '/readyz'],
    ] as const) {
      expect(probe.httpGet).toEqual({ host: '127.0.0.1', port: 'health', path });
    }
    expect(Object.keys(container.resources.requests).sort()).toEqual(['cpu', 'memory']);
  });
});
