/** Gathers what NetworkPolicies need: their table in the kernel, and the objects of the API. */
import { setTimeout as pause } from 'node:timers/promises';
import { openNftables } from '@cnikit/netlink/nftables';
import { type Cluster, findings, InvalidObjectError, readCluster, readObject } from '@cnikit/policy';
import { listObjects } from '@cnikit/policy/questions';
import type { KubeConfigLike } from '@cnikit/watch';
import { USER_AGENT } from '../../core/names.ts';
import { podMaps, readObjects, readPods } from '../../policy/kernel-table.ts';
import type { PodAddress, PolicyFacts } from './facts.ts';

/** Time between two looks. Only an address that both find closed counts: that of a starting pod is closed briefly. */
const CLOSED_PAUSE_MS = 1000;

export async function gatherPolicy(
  kubeConfig: KubeConfigLike,
  pods: () => readonly PodAddress[],
  timeoutMs: number,
): Promise<PolicyFacts> {
  const closed = closedPods(pods());
  const facts = await readPolicies(kubeConfig, timeoutMs);
  if (closed === undefined || closed.length === 0) {
    return { ...facts, closed };
  }
  await pause(CLOSED_PAUSE_MS);
  const still = new Set(closedPods(pods())?.map(({ address }) => address));
  return { ...facts, closed: closed.filter(({ address }) => still.has(address)) };
}

/** Returns the addresses of pods that the table does not know; undefined when there is no table, or it is dormant. */
function closedPods(pods: readonly PodAddress[]): PodAddress[] | undefined {
  using nft = openNftables();
  const table = readObjects(nft);
  if (table === undefined || table.dormant) {
    return undefined;
  }
  const names = table.sets;
  const known = podMaps.flatMap(({ name }) => (names.has(name) ? [...readPods(nft, name).keys()] : []));
  const open = new Set(known);
  return pods.filter(({ address }) => !open.has(address));
}

async function readPolicies(
  kubeConfig: KubeConfigLike,
  timeoutMs: number,
): Promise<Omit<PolicyFacts, 'closed'>> {
  const faults: string[] = [];
  const valid = (object: unknown): boolean => {
    try {
      readObject(object);
      return true;
    } catch (error) {
      if (!(error instanceof InvalidObjectError)) {
        throw error;
      }
      faults.push(error.message);
      return false;
    }
  };
  let cluster: Cluster;
  try {
    cluster = readCluster(
      (await listObjects(kubeConfig, { timeoutMs, userAgent: USER_AGENT })).filter(valid),
    );
  } catch (error) {
    return { error: (error as Error).message, policies: 0, faults, findings: [] };
  }
  return { policies: cluster.policies.length, faults, findings: findings(cluster) };
}
