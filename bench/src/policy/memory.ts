/** Measures the memory of the built agent with and without NetworkPolicies, in turn, on one API server. */
import { type Server, startAgent, startServer } from '../agent/cluster.ts';
import { idleMemory } from '../agent/process.ts';
import { rawObjects, type Size } from './objects.ts';

const NODES = 100;
const RESOURCES = { Pod: 'pods', Namespace: 'namespaces', NetworkPolicy: 'networkpolicies' } as const;

/** Resident memory of the idle agent in MB. */
export interface PolicyMemory {
  without: number;
  with: number;
}

/** Starts an agent with and one without policies `rounds` times. Returns the least of each. */
export async function measureMemory(size: Size, rounds: number): Promise<PolicyMemory> {
  const server = await startServer(NODES);
  try {
    await load(server, size);
    const rss = { without: Number.POSITIVE_INFINITY, with: Number.POSITIVE_INFINITY };
    for (let round = 0; round < rounds; round++) {
      rss.without = Math.min(rss.without, await idleRss([]));
      rss.with = Math.min(rss.with, await idleRss(['--network-policy', '--layout=routed']));
    }
    return rss;
  } finally {
    await server.stop();
  }
}

async function load({ control }: Server, size: Size): Promise<void> {
  const requests: Promise<unknown>[] = [];
  for (const object of rawObjects(size)) {
    requests.push(control.call('put', RESOURCES[object.kind], object));
    // The backlog of a socket holds no more.
    if (requests.length === 50) {
      await Promise.all(requests.splice(0));
    }
  }
  await Promise.all(requests);
}

async function idleRss(options: readonly string[]): Promise<number> {
  const agent = await startAgent([], options);
  try {
    return (await idleMemory(agent)).idle;
  } finally {
    await agent.stop();
  }
}
