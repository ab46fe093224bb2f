import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { describe, expect, test } from 'vitest';
import { firstSoakSeed, soakSize } from '../../../vitest.soak.ts';
import { follow, node, same } from './live.ts';

const SEEDS = soakSize(2, 50);
const FIRST_SEED = firstSoakSeed(1, SEEDS);
const STEPS = 60;

/** Seeded random numbers in [0, 1) (mulberry32): the same seed gives the same history. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

type Step = (server: ApiServer, pick: (n: number) => number) => unknown;

const put: Step = (server, pick) => server.nodes.put(node(`n${pick(30)}`, { x: String(pick(5)) }));
const remove: Step = (server, pick) => {
  const names = server.nodes.list().map((n) => n.metadata.name);
  if (names.length > 0) {
    server.nodes.delete(names[pick(names.length)]!);
  }
};
const recreate: Step = (server, pick) => {
  remove(server, pick);
  put(server, pick);
};

const STEPS_OF_CHAOS: readonly [weight: number, step: Step][] = [
  [20, put],
  [10, remove],
  [5, recreate],
  [4, (server) => server.faults.dropWatches()],
  [2, (server) => server.faults.stallWatches()],
  [3, (server) => server.faults.compact()],
  [2, (server, pick) => server.faults.gone(pick(2) === 0 ? 'event' : 'status')],
  [3, (server, pick) => server.faults.failNext(1 + pick(3), [401, 403, 410, 429, 500, 503][pick(6)]!)],
  [2, (server) => server.faults.garbageNext()],
  [2, (server) => server.faults.truncateNext()],
  [2, (server, pick) => server.faults.duplicateEvents(pick(2) === 0)],
  [2, (server, pick) => server.faults.reorderEvents(pick(2) === 0)],
  [2, (server, pick) => server.faults.replayEvents(pick(20))],
  [2, (server, pick) => server.faults.delay(pick(10))],
  [1, (server, pick) => server.faults.stallRequests(pick(3) === 0)],
  [2, (server) => server.faults.bookmark()],
  [1, (server) => server.stop()],
  [2, (server) => server.start().catch(() => {})],
  [1, (server) => server.rotateCertificate()],
];

const WEIGHTS = STEPS_OF_CHAOS.reduce((sum, [weight]) => sum + weight, 0);

function choose(random: () => number): Step {
  let left = random() * WEIGHTS;
  for (const [weight, step] of STEPS_OF_CHAOS) {
    left -= weight;
    if (left < 0) {
      return step;
    }
  }
  return put;
}

describe('watch() under random faults', () => {
  test.each(Array.from({ length: SEEDS }, (_, at) => FIRST_SEED + at))(
    'ends with the state of the server (replay: CNIKIT_SOAK_SEED=%i)',
    async (seed) => {
      const random = generator(seed);
      const pick = (n: number): number => Math.floor(random() * n);
      const server = await startApiServer({ nodes: Array.from({ length: 10 }, (_, at) => node(`n${at}`)) });
      const w = follow(server, {
        random: generator(seed + 1000),
        pageSize: 4,
        // Gathering uses a separate HTTP client.
        gatherMs: seed % 2,
        timeoutSeconds: 1,
        idleSeconds: 0.4,
        requestSeconds: 0.2,
        backoff: { initialMs: 4, maxMs: 30, healthyMs: 100 },
      });
      for (let step = 0; step < STEPS; step += 1) {
        await choose(random)(server, pick);
        // Some steps follow immediately, some after the watch has reacted.
        if (pick(3) === 0) {
          const length = w.log.length;
          await Promise.race([
            w.until(() => w.log.length > length),
            new Promise((done) => setTimeout(done, pick(30))),
          ]);
        }
      }
      server.faults.clear();
      await server.start().catch(() => {});
      server.nodes.put(node('last', { seed: String(seed) }));
      await w.until(() => same(server, w.copy));
      // The watch is still alive: one more change arrives.
      server.nodes.delete('last');
      await w.until(() => same(server, w.copy));
      expect(w.log.filter((line) => line === 'synced')).toHaveLength(1);
      const watches = server.requests.filter((r) => r.verb === 'watch').length;
      expect(watches, 'watches opened').toBeLessThan(STEPS * 5);
      await w.stop();
      await server.close();
    },
  );
});
