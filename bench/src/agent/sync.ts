/** Measures the agent's work in this process, from nodes to routes in the kernel, and `ip -batch` for the same routes. */
import { spawnSync } from 'node:child_process';
import { openKernel } from '../../../packages/agent/src/apply/netlink-kernel.ts';
import { Metrics } from '../../../packages/agent/src/core/metrics.ts';
import { selectNode } from '../../../packages/agent/src/observe/node.ts';
import { Agent } from '../../../packages/agent/src/reconcile/agent.ts';
import { median } from '../lib/statistics.ts';
import { nodeName, nodeObject, routesTo } from './cluster.ts';

export interface SyncFigures {
  routes: number;
  /** Milliseconds from the list to the last route in the kernel. */
  firstMs: number;
  /** Milliseconds of that time in requests to the kernel. */
  writeMs: number;
  /** Milliseconds of `ip -batch` for the same routes. */
  ipBatchMs: number;
  /** Milliseconds from a changed Node to its routes in the kernel. */
  eventMs: number;
  /** Milliseconds from a changed Node until the agent is idle. */
  eventTotalMs: number;
  /** Dumps caused by these events. */
  eventDumps: number;
}

const EVENTS = 200;

/** Measures `rounds` syncs of `count` nodes, each from an empty node. */
export function measureSync(count: number, rounds: number): SyncFigures {
  const nodes = Array.from({ length: count }, (_, i) => ({
    ...selectNode(nodeObject(i + 1)),
    created: '2026-01-01T00:00:00Z',
    uid: `uid-${i + 1}`,
  }));
  const routes = nodes.slice(1).flatMap((_, i) => routesTo(i + 2));
  const batch = routes.map(({ dst, via }) => `route add ${dst} via ${via} dev eth0 proto 201\n`).join('');
  const figures = { first: [] as number[], write: [] as number[], ip: [] as number[] };
  const events = { written: [] as number[], total: [] as number[] };
  let eventDumps = 0;
  for (let round = 0; round < rounds; round++) {
    flush();
    const start = performance.now();
    const { status, stderr } = spawnSync('ip', ['-batch', '-'], { input: batch, encoding: 'utf8' });
    figures.ip.push(performance.now() - start);
    if (status !== 0) {
      throw new Error(stderr);
    }
    flush();

    const kernel = openKernel();
    let [written, writing, dumps, due] = [0, 0, 0, [] as (() => void)[]];
    const agent = new Agent(
      {
        kernel: {
          ...kernel,
          dump: () => {
            dumps++;
            return kernel.dump();
          },
          write: (actions) => {
            const began = performance.now();
            const failures = kernel.write(actions);
            written = performance.now();
            writing += written - began;
            if (failures.length > 0) {
              throw new Error(failures[0]!.message);
            }
            return failures;
          },
        },
        log: { info: () => undefined, warn: () => undefined },
        metrics: new Metrics(),
        after: (ms, body) => {
          // Deferred work is not part of the event: the rules once a second, the resync.
          if (ms === 0) {
            due.push(body);
          }
          return () => undefined;
        },
        sysctlRoot: '/nonexistent',
        rules: {
          plan: () => [],
          planFamily: () => [],
          report: () => {
            throw new Error('The benchmark must not change rules');
          },
          matchSets: () => undefined,
          apply: () => [],
        },
        cni: { plan: () => [], apply: () => [], problems: () => [], remove: () => [] },
      } as ConstructorParameters<typeof Agent>[0],
      { nodeName: nodeName(1), nonMasquerade: [], resyncMs: 60_000 },
    );
    const began = performance.now();
    agent.setNodes(nodes);
    figures.first.push(written - began);
    figures.write.push(writing);

    dumps = 0;
    due = [];
    for (let i = 0; i < EVENTS; i++) {
      const node = nodes[1 + (i % (count - 1))]!;
      const internalIPs = routesTo(i % 2 ? count + 1 : count + 2).map(({ via }) => via);
      const at = performance.now();
      agent.putNode({ ...node, internalIPs });
      for (const body of due.splice(0)) {
        body();
      }
      events.written.push(written - at);
      events.total.push(performance.now() - at);
    }
    eventDumps += dumps;
    agent.close();
    kernel.close();
  }
  flush();
  return {
    routes: routes.length,
    firstMs: median(figures.first),
    writeMs: median(figures.write),
    ipBatchMs: median(figures.ip),
    eventMs: median(events.written),
    eventTotalMs: median(events.total),
    eventDumps,
  };
}

function flush(): void {
  for (const family of ['-4', '-6']) {
    spawnSync('ip', [family, 'route', 'flush', 'proto', '201']);
  }
}
