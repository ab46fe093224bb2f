import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { parseConfig } from '../../packages/agent/src/config/config.ts';
import { byName, type Json, type Manifest, objects, read, renderChart } from './rendered.ts';

interface ClusterRole extends Manifest {
  rules: { resources: string[]; verbs: string[] }[];
}

const values = parse(read('helm/cnikit/values.yaml')) as Json;
const schema = JSON.parse(read('helm/cnikit/values.schema.json')) as Json;
const valid = new Ajv({ allowUnionTypes: true }).compile(schema);

/** Renders the chart, or skips the test with the reason. */
function rendered(skip: (condition: boolean, note: string) => void, over: Json = {}): Map<string, Manifest> {
  const manifests = renderChart(over);
  skip(typeof manifests === 'string', String(manifests));
  return byName(manifests as Manifest[]);
}

const agentArgs = (manifests: Map<string, Manifest>): string[] => {
  const daemonSet = manifests.get('DaemonSet/cnikit-agent') as unknown as {
    spec: { template: { spec: { containers: [{ args: string[] }] } } };
  };
  return daemonSet.spec.template.spec.containers[0].args;
};

test('the chart renders deploy/base by default', ({ skip }) => {
  const base = ['rbac.yaml', 'daemonset.yaml'].flatMap((name) => objects(read(`base/${name}`)));
  expect(rendered(skip)).toEqual(byName(base));
});

test('the chart has the version and image of the agent', () => {
  const { version } = JSON.parse(read('../packages/agent/package.json')) as Json;
  expect(parse(read('helm/cnikit/Chart.yaml'))).toMatchObject({ version, appVersion: version });
  expect(read('base/daemonset.yaml').match(/image: .*/g)).toEqual([
    `image: ghcr.io/cnikit/agent:${version}`,
    `image: ghcr.io/cnikit/agent:${version}`,
  ]);
});

describe('values', () => {
  test('values.schema.json accepts the defaults', () => {
    expect(valid(values), JSON.stringify(valid.errors)).toBe(true);
  });

  test('each value of the schema has a default', () => {
    const properties = (node: Json): string[] => Object.keys((node.properties ?? {}) as Json);
    const described = parseDocument(read('helm/cnikit/values.yaml')).toString();
    for (const key of properties(schema).filter((name) => name !== 'global')) {
      expect(described).toContain(`${key}:`);
    }
    const agent = (schema.properties as Record<string, Json>).agent!;
    expect(Object.keys(values.agent as Json).sort()).toEqual(properties(agent).sort());
  });

  test.each<[string, Json]>([
    ['an unknown value', { agents: {} }],
    ['a misspelt value', { agent: { encapsulation: 'always' } }],
    ['an unknown encapsulation', { agent: { encap: 'ipip' } }],
    ['an unknown back end', { agent: { packetFilter: 'ipfw' } }],
    ['an unknown layout', { agent: { layout: 'flat' } }],
    ['a namespace with a comma', { agent: { foreignSourceNamespaces: ['a,b'] } }],
    ['an invalid CIDR', { agent: { serviceCIDRs: ['10.96.0.0'] } }],
    ['a relative path', { hostPaths: { cniBin: 'opt/cni/bin' } }],
    ['a plugin without a type', { agent: { chain: [{ name: 'x' }] } }],
    ['an extra argument with a space', { agent: { extraArgs: ['log-level debug'] } }],
    ['an invalid digest', { image: { repository: 'a', digest: 'sha256:1' } }],
  ])('values.schema.json refuses %s', (_, over) => {
    expect(valid(over)).toBe(false);
  });
});

describe('a render', () => {
  const everything: Json = {
    image: { digest: `sha256:${'a'.repeat(64)}`, pullSecrets: [{ name: 'registry' }] },
    agent: {
      encap: 'always',
      serviceCIDRs: ['10.96.0.0/12', 'fd00:10:96::/112'],
      nonMasqueradeCIDRs: ['192.168.0.0/16'],
      packetFilter: 'nftables',
      layout: 'bridge',
      foreignSourceNamespaces: ['vpn', 'edge'],
      macFromAddress: true,
      networkPolicy: true,
      policyEstablished: 'cut',
      policyLog: 5,
      outsideInterface: 'eth1',
      resyncInterval: 120,
      health: { host: '0.0.0.0', port: 9471 },
      logLevel: 'debug',
      readinessTaint: 'node.cnikit.io/not-ready',
      chain: [{ type: 'tuning', sysctl: { 'net.core.somaxconn': '1024' } }],
      extraArgs: ['--state-dir=/run/cnikit'],
    },
    apiServer: { host: '192.0.2.1', port: 6443 },
    podAnnotations: { example: 'yes' },
    monitoring: { podMonitor: true },
  };

  test('the chart with all values set renders options that the agent accepts', ({ skip }) => {
    expect(valid({ ...everything, image: { repository: 'a' } }), JSON.stringify(valid.errors)).toBe(true);
    const args = agentArgs(rendered(skip, everything));
    expect(args).toContain('--encap=always');
    expect(parseConfig(args, { NODE_NAME: 'n1' })).toMatchObject({
      command: 'run',
      packetFilter: 'nftables',
      layout: 'bridge',
      foreignSourceNamespaces: ['vpn', 'edge'],
      macFromAddress: true,
      networkPolicy: true,
      policySettings: { cutMark: 0x2000000, log: { rate: 5 } },
      outsideInterface: 'eth1',
      health: { host: '0.0.0.0', port: 9471 },
      logLevel: 'debug',
    });
  });

  test('the chart grants permission to patch nodes only with a readiness taint', ({ skip }) => {
    const patchesNodes = (manifests: Map<string, Manifest>): boolean =>
      (manifests.get('ClusterRole/cnikit-agent') as ClusterRole).rules.some(
        ({ resources, verbs }) => resources.includes('nodes') && verbs.includes('patch'),
      );
    expect(patchesNodes(rendered(skip))).toBe(false);
    expect(patchesNodes(rendered(skip, everything))).toBe(true);
  });

  test('the chart grants permission to read pods only with networkPolicy, as the overlay does', ({
    skip,
  }) => {
    const rules = (manifests: Map<string, Manifest>) =>
      (manifests.get('ClusterRole/cnikit-agent') as ClusterRole).rules;
    const overlay = objects(read('overlays/network-policy/rbac.yaml'))[0] as ClusterRole;
    expect(JSON.stringify(rules(rendered(skip)))).not.toContain('pods');
    expect(rules(rendered(skip, everything))).toEqual(expect.arrayContaining(overlay.rules));
  });

  test('the chart with a chain mounts the file of --chain', ({ skip }) => {
    const map = rendered(skip, everything).get('ConfigMap/cnikit-chain') as unknown as {
      data: Record<string, string>;
    };
    expect(JSON.parse(map.data['chain.json']!)).toEqual([
      { type: 'tuning', sysctl: { 'net.core.somaxconn': '1024' } },
    ]);
  });

  test('the chart prefers a digest over a tag', ({ skip }) => {
    expect(JSON.stringify(rendered(skip, everything).get('DaemonSet/cnikit-agent'))).toContain(
      `"image":"ghcr.io/cnikit/agent@sha256:${'a'.repeat(64)}"`,
    );
  });
});
