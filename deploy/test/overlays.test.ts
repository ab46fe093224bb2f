import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../packages/agent/src/config/config.ts';
import type { Access } from '../../packages/agent/src/diagnose/doctor/facts.ts';
import { accessNeeded } from '../../packages/agent/src/diagnose/doctor/gather-api.ts';
import { byName, deploy, kustomize, type Manifest, objects, read } from './rendered.ts';

interface DaemonSet extends Manifest {
  spec: {
    template: {
      spec: {
        containers: [{ args: string[] }];
        volumes: { name: string; hostPath?: { path: string } }[];
      };
    };
  };
}

const accessText = ({ verb, resource, group = '' }: Access): string => `${verb} ${resource} ${group}`;

const overlays = readdirSync(join(deploy, 'overlays'));
const agentOf = (manifests: readonly Manifest[]): DaemonSet =>
  byName(manifests).get('DaemonSet/cnikit-agent') as DaemonSet;
const hostPaths = (daemonSet: DaemonSet): Record<string, string | undefined> =>
  Object.fromEntries(
    daemonSet.spec.template.spec.volumes.map(({ name, hostPath }) => [name, hostPath?.path]),
  );

test.each(overlays)('overlays/%s extends the base and begins with its kubectl command', (name) => {
  const text = read(`overlays/${name}/kustomization.yaml`);
  expect(text.split('\n')[0]).toBe(`# kubectl apply -k deploy/overlays/${name}`);
  expect((parse(text) as { resources: string[] }).resources[0]).toBe('../../base');
});

describe.each(overlays)('overlays/%s', (name) => {
  const rendered = kustomize(`overlays/${name}`);
  const base = kustomize('base');
  const skipped = typeof rendered === 'string' || typeof base === 'string';

  test.skipIf(skipped)(
    `overlays/${name} renders every object of the base, with options that the agent accepts`,
    () => {
      const have = byName(rendered as Manifest[]);
      for (const key of byName(base as Manifest[]).keys()) {
        expect([...have.keys()]).toContain(key);
      }
      const { args } = agentOf(rendered as Manifest[]).spec.template.spec.containers[0];
      expect(parseConfig(args, { NODE_NAME: 'n1' })).toMatchObject({ command: 'run' });
    },
  );

  test.skipIf(skipped)(`overlays/${name} changes the objects that it is for`, () => {
    const [ours, plain] = [agentOf(rendered as Manifest[]), agentOf(base as Manifest[])];
    const added = ours.spec.template.spec.containers[0].args.slice(
      plain.spec.template.spec.containers[0].args.length,
    );
    const expected: Record<string, unknown> = {
      'dual-stack': ['--service-cidr=10.96.0.0/12', '--service-cidr=fd00:10:96::/112'],
      vxlan: ['--encap=always'],
      monitoring: ['--health-address=0.0.0.0:9470'],
      openshift: [],
      hardened: [],
      'network-policy': ['--network-policy'],
    };
    expect(added).toEqual(expected[name]);
    expect(hostPaths(ours)).toEqual({
      ...hostPaths(plain),
      ...(name === 'openshift'
        ? { 'cni-bin': '/var/lib/cni/bin', 'cni-conf': '/etc/kubernetes/cni/net.d' }
        : {}),
    });
  });
});

test('overlays/network-policy grants exactly what the agent asks the API for', () => {
  const [role] = objects(read('overlays/network-policy/rbac.yaml')) as unknown as [
    { rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] },
  ];
  const granted = role.rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource} ${group}`)),
    ),
  );
  const base = new Set(accessNeeded({ readinessTaint: undefined, networkPolicy: false }).map(accessText));
  const needed = accessNeeded({ readinessTaint: undefined, networkPolicy: true }).map(accessText);
  expect(granted.sort()).toEqual(needed.filter((text) => !base.has(text)).sort());
});

test('overlays/openshift allows exactly what the base requests', ({ skip }) => {
  const rendered = kustomize('overlays/openshift');
  skip(typeof rendered === 'string', String(rendered));
  const constraints = byName(rendered as Manifest[]).get('SecurityContextConstraints/cnikit-agent');
  expect(constraints).toMatchObject({
    allowHostNetwork: true,
    allowHostPID: false,
    allowPrivilegedContainer: false,
    allowedCapabilities: ['NET_ADMIN', 'NET_RAW'],
    requiredDropCapabilities: ['ALL'],
    users: ['system:serviceaccount:kube-system:cnikit-agent'],
  });
});

test('overlays/hardened applies its policy to the agent and to every object that its roles may change', ({
  skip,
}) => {
  const rendered = kustomize('overlays/hardened');
  skip(typeof rendered === 'string', String(rendered));
  const objects = byName(rendered as Manifest[]);
  const policy = objects.get('ValidatingAdmissionPolicy/cnikit-agent-own-node') as Manifest & {
    spec: {
      failurePolicy: string;
      matchConstraints: { resourceRules: { resources: string[] }[] };
      matchConditions: { expression: string }[];
    };
  };
  const binding = objects.get('ValidatingAdmissionPolicyBinding/cnikit-agent-own-node');
  expect(binding).toMatchObject({
    spec: { policyName: 'cnikit-agent-own-node', validationActions: ['Deny'] },
  });
  expect(policy.spec.failurePolicy).toBe('Fail');
  expect(policy.spec.matchConditions[0]!.expression).toContain(
    "'system:serviceaccount:kube-system:cnikit-agent'",
  );
  const covered = policy.spec.matchConstraints.resourceRules.flatMap(({ resources }) => resources);
  const roles = (rendered as Manifest[]).filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
  const writable = roles.flatMap((role) =>
    (role as Manifest & { rules: { resources: string[]; verbs: string[] }[] }).rules
      .filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)))
      .flatMap(({ resources }) => resources),
  );
  expect(writable.length).toBeGreaterThan(0);
  for (const resource of writable) {
    expect(covered).toContain(resource);
  }
});
