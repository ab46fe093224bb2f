import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { delTable, newTable, openNftables } from '@cnikit/netlink/nftables';
import { PolicyCompiler, readObject } from '@cnikit/policy';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatherPolicy } from '../src/diagnose/doctor/gather-policy.ts';
import { PolicyTable } from '../src/policy/policy-table.ts';
import { scopeOf } from '../src/policy/rules.ts';

const TIMEOUT_MS = 30_000;
const known = { link: 'vetha', address: '10.244.1.2' };
const unknown = { link: 'vethb', address: '10.244.1.3' };
const pod = {
  kind: 'Pod',
  metadata: { namespace: 'shop', name: 'web', labels: { app: 'web' } },
  spec: { nodeName: 'n1', containers: [{ name: 'main' }] },
  status: { phase: 'Running', podIPs: [{ ip: known.address }] },
};

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'gatherPolicy() (needs the sandbox: run npm test at the root)',
  () => {
    let server: ApiServer;
    let kubeConfig: KubeConfig;
    const nft = openNftables();

    beforeAll(async () => {
      server = await startApiServer();
      kubeConfig = new KubeConfig();
      kubeConfig.loadFromString(server.kubeconfig());
      server.pods.put(pod);
      server.networkPolicies.put({
        metadata: { namespace: 'shop', name: 'typo' },
        spec: { podSelector: { matchLabels: { app: 'wbe' } } },
      });
      server.networkPolicies.put({
        metadata: { namespace: 'shop', name: 'newer' },
        spec: { podSelector: {}, layers: [] },
      });
    });
    afterAll(async () => {
      nft.close();
      await server.close();
    });

    test('gatherPolicy() finds a missing table, a policy without effect and one with an unknown field', async () => {
      expect(await gatherPolicy(kubeConfig, () => [known], TIMEOUT_MS)).toEqual({
        closed: undefined,
        policies: 1,
        faults: ['Invalid NetworkPolicy shop/newer: spec: Unrecognized key: "layers"'],
        findings: [expect.objectContaining({ policy: 'shop/typo', field: 'spec.podSelector' })],
      });
    });

    test('gatherPolicy() finds the addresses that the table does not know, and forgives those that it then knows', async () => {
      const compiler = new PolicyCompiler('n1');
      compiler.apply([{ type: 'put', object: readObject(pod)! }]);
      new PolicyTable(nft).rebuild(compiler.ruleset, scopeOf(['10.244.1.0/24']));
      const closed = async (...looks: (typeof known)[][]) =>
        (await gatherPolicy(kubeConfig, () => looks.shift()!, TIMEOUT_MS)).closed;
      expect(await closed([known])).toEqual([]);
      expect(await closed([known, unknown], [known, unknown])).toEqual([unknown]);
      expect(await closed([unknown], [known])).toEqual([]);
      nft.commit([newTable({ family: 'inet', name: 'cnikit-policy', flags: 1 })]);
      expect(await closed([known])).toBeUndefined();
      nft.commit([delTable({ family: 'inet', name: 'cnikit-policy' })]);
    });

    test('gatherPolicy() returns the reason when the API server does not answer', async () => {
      const silent = new KubeConfig();
      silent.loadFromString(server.kubeconfig().replaceAll(server.url, 'https://127.0.0.1:1'));
      const { error, findings } = await gatherPolicy(silent, () => [], TIMEOUT_MS);
      expect(error).toMatch(/^Cannot list \/api\S+: /);
      expect(findings).toEqual([]);
    });
  },
);
