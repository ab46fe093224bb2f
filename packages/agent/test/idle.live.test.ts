/** System calls of the process while only heartbeats arrive, as strace sees them. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { eventually, liveNode, nodeObject, ownRoutes } from './live-node.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const bundle = path('../dist/cnikit-agent.js');
const program = existsSync(bundle) ? [bundle] : ['--conditions=@cnikit/source', path('../src/main.ts')];

const NODES = 20;
/** Heartbeats of a minute: kubelets report every 10 seconds. A minute has one complete pass; the test has more. */
const ROUNDS = 6;
const PASSES = 3;
const SYSCALLS = 'trace=sendto,sendmsg,sendmmsg,setsockopt,execve';

/** Netlink messages that change something, and changes of legacy iptables, in what strace wrote. */
function writes(trace: string): string[] {
  const pattern =
    /\b(?:RTM|NFT_MSG)_(?:NEW|DEL|SET|DESTROY)[A-Z]+|NFNL_MSG_BATCH_BEGIN|IP6?T_SO_SET_\w+|execve\("[^"]*-restore"/g;
  return trace.match(pattern) ?? [];
}

const HEALTH = '127.0.0.1:9473';

/** Starts `cnikit-agent run` as node 1, and reads its metrics. */
function startAgent(node: Awaited<ReturnType<typeof liveNode>>) {
  const flags = {
    kubeconfig: node.kubeconfig,
    'plugin-binary': node.pluginBinary,
    'cni-bin-dir': node.binDir,
    'cni-conf-dir': node.confDir,
    'state-dir': node.stateDir,
    'node-name': 'n1',
    'health-address': HEALTH,
    'resync-interval': '1',
  };
  const argv = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const agent = spawn(process.execPath, [...program, 'run', ...argv], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const metric = async (name: string): Promise<number> => {
    const text = await fetch(`http://${HEALTH}/metrics`).then((answer) => answer.text());
    return Number(new RegExp(`^cnikit_agent_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  return {
    pid: agent.pid!,
    metric,
    /** Waits until the agent has made that many complete passes. */
    passes: (atLeast: number): Promise<void> =>
      expect
        .poll(() => metric('resyncs_total').catch(() => 0), { timeout: 60_000 })
        .toBeGreaterThanOrEqual(atLeast),
    stop: async (): Promise<void> => {
      const ended = new Promise((done) => agent.once('exit', done));
      agent.kill('SIGTERM');
      await ended;
    },
  };
}

test.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'cnikit-agent run returns the code that only its start needed to the kernel (needs the sandbox)',
  async () => {
    const node = await liveNode(1, 2);
    const agent = startAgent(node);
    try {
      const megabytes = (): number =>
        Number(/RssFile:\s+(\d+)/.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))![1]) / 1024;
      await expect.poll(megabytes, { timeout: 60_000, interval: 5 }).toBeGreaterThan(35);
      await expect.poll(megabytes, { timeout: 60_000 }).toBeLessThan(25);
      // Mapped again where it is needed.
      await agent.passes((await agent.metric('resyncs_total')) + 2);
      expect(megabytes()).toBeLessThan(35);
    } finally {
      await agent.stop();
      await node.close();
    }
  },
  180_000,
);

test.skipIf(process.env.CNIKIT_SANDBOX !== '1' || spawnSync('strace', ['-V']).status !== 0)(
  'cnikit-agent run writes nothing to the kernel and the API during an idle minute with heartbeats (needs the sandbox and strace)',
  async () => {
    const node = await liveNode(...Array.from({ length: NODES }, (_, i) => i + 1));
    const agent = startAgent(node);
    const { metric, passes } = agent;
    const trace = join(node.dir, 'trace');
    const read = (): string => (existsSync(trace) ? readFileSync(trace, 'utf8') : '');
    try {
      // The work that the first passes leave, such as the condition, is complete before the minute begins.
      await passes(3);
      const strace = spawn('strace', [
        '-f',
        '-q',
        '-o',
        trace,
        '-e',
        SYSCALLS,
        '-e',
        'signal=none',
        '-p',
        String(agent.pid),
      ]);
      const detached = new Promise((done) => strace.once('exit', done));
      // A complete pass reads every table: by that the tracer is known to see what it should.
      await eventually(() => expect(read()).toMatch(/RTM_GETROUTE/));
      const requests = node.api.requests.length;
      const before = await metric('resyncs_total');

      for (let round = 0; round < ROUNDS; round++) {
        for (const { metadata } of node.api.nodes.list()) {
          const beat = structuredClone(node.api.nodes.get(metadata.name)!);
          const { conditions } = beat.status as { conditions: Record<string, unknown>[] };
          for (const condition of conditions) {
            condition.lastHeartbeatTime = `2026-01-01T00:00:${round}0Z`;
          }
          node.api.nodes.put(beat);
        }
      }
      await passes(before + PASSES);
      expect(writes(read())).toEqual([]);
      expect(node.api.requests.slice(requests).map(({ verb }) => verb)).toEqual([]);

      // The heartbeats have been taken in, and a write would have been seen: that of the next event is.
      const moved = nodeObject(2);
      moved.status.addresses[0]!.address = '192.0.2.222';
      node.api.nodes.put(moved as never);
      await eventually(() => expect(ownRoutes()).toContain('10.244.2.0/24 via 192.0.2.222'));
      await eventually(() => expect(writes(read())).toEqual(['RTM_DELROUTE', 'RTM_NEWROUTE']));
      strace.kill('SIGINT');
      await detached;
    } finally {
      await agent.stop();
      await node.close();
    }
  },
  180_000,
);
