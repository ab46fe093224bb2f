/** `cnikit-agent status`: shows the pod networks of all nodes and this node's routes to them. */
import { openRtnetlink } from '@cnikit/netlink';
import { openKernel } from '../apply/netlink-kernel.ts';
import type { Config } from '../config/config.ts';
import type { Backend } from '../core/backend.ts';
import { Metrics } from '../core/metrics.ts';
import { chooseBackend } from '../desired/backend.ts';
import { NodeIndex } from '../desired/node-index.ts';
import { type StatusReport, statusReport } from '../diagnose/status/report.ts';
import { statusText } from '../diagnose/status/table.ts';
import { loadKubeConfig } from '../kube/api.ts';
import { listNodes } from '../observe/list-nodes.ts';
import { watchNodes } from '../observe/nodes.ts';
import { loadState } from '../observe/saved-state.ts';
import { withInstalledLayout } from './installed-layout.ts';
import { openPacketFilter } from './packet-filter.ts';
import type { Output } from './plan.ts';

const TIMEOUT_MS = 5000;
const REFRESH_MS = 2000;
/** Exit status when a route is missing or wrong. */
const DIFFERS = 3;
/** Moves the cursor to the top left and erases everything below. */
const CLEAR = '\x1b[H\x1b[2J';

/** Prints the status once, or with --watch until `signal`. Returns 3 when a route is missing or wrong, else 0. */
export async function status(
  given: Config,
  env: NodeJS.ProcessEnv,
  { out }: Output,
  signal: AbortSignal,
): Promise<number> {
  const config = withInstalledLayout(given);
  const kernel = openKernel();
  const rt = openRtnetlink();
  const backend = backendReader(config, env);
  const kubeConfig = await loadKubeConfig(config, env);
  const claims = new NodeIndex();
  let source: StatusReport['source'] = 'api';
  try {
    const nodes = await listNodes(kubeConfig, TIMEOUT_MS).catch((error: Error) => {
      const saved = loadState(config.stateDir, config.nodeName)?.nodes;
      if (saved === undefined) {
        throw error;
      }
      source = 'saved';
      return saved;
    });
    for (const node of nodes) {
      claims.set(node);
    }
    if (config.watch) {
      void follow(claims, () => (source = 'api'), kubeConfig, signal);
    }
    for (;;) {
      const report = await statusReport(config, claims, source, kernel, rt, backend);
      out(textOf(config, report));
      if (!config.watch) {
        return report.rows.every(({ route }) => route === 'ok') ? 0 : DIFFERS;
      }
      if (await aborted(signal)) {
        return 0;
      }
    }
  } finally {
    rt.close();
    kernel.close();
  }
}

/** Returns a function that decides the back end of the packet filter, from a new look at the kernel. */
function backendReader(config: Config, env: NodeJS.ProcessEnv): (podCIDRs: readonly string[]) => Backend {
  const { packetFilter } = config;
  const { nftables } = openPacketFilter(packetFilter, env);
  return (podCIDRs) => chooseBackend(packetFilter, nftables.facts(podCIDRs));
}

function textOf({ json, watch }: Config, report: StatusReport): string {
  if (json) {
    return `${JSON.stringify(report, null, watch ? undefined : 2)}\n`;
  }
  return `${watch && process.stdout.isTTY ? CLEAR : ''}${statusText(report, Date.now())}`;
}

/** Applies node changes to `claims`. */
async function follow(
  claims: NodeIndex,
  onSynced: () => void,
  kubeConfig: Parameters<typeof watchNodes>[0],
  signal: AbortSignal,
): Promise<void> {
  for await (const change of watchNodes(kubeConfig, new Metrics(), signal)) {
    if (change.type === 'synced') {
      for (const { name } of [...claims.nodes()]) {
        if (!change.objects.has(name)) {
          claims.delete(name);
        }
      }
      for (const node of change.objects.values()) {
        claims.set(node);
      }
      onSynced();
    } else if (change.type === 'added' || change.type === 'modified') {
      claims.set(change.object);
    } else if (change.type === 'deleted') {
      claims.delete(change.name);
    }
  }
}

/** Waits for the next refresh. Returns true when `signal` fired instead. */
function aborted(signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(false), REFRESH_MS);
    const abort = (): void => finish(true);
    function finish(end: boolean): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(end);
    }
    if (signal.aborted) {
      finish(true);
    } else {
      signal.addEventListener('abort', abort);
    }
  });
}
