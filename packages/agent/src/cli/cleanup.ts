/** `cnikit-agent cleanup`: removes everything that the agent made. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { families } from '@cnikit/ip';
import { openRtnetlink } from '@cnikit/netlink';
import { CniFiles } from '../apply/cni-files.ts';
import { openKernel } from '../apply/netlink-kernel.ts';
import { openSets } from '../apply/sets.ts';
import type { Config } from '../config/config.ts';
import { type Action, describe } from '../core/action.ts';
import {
  CONFLIST_NAME,
  POD_GUARD_TABLE,
  POLICY_SOCKET_NAME,
  POLICY_TABLE,
  RESTORE_STAMP,
  temporaryName,
} from '../core/names.ts';
import { NodeIndex } from '../desired/node-index.ts';
import { noRules } from '../desired/rules.ts';
import { STATE_NAME } from '../observe/saved-state.ts';
import { POLICY_PODS_NAME } from '../policy-gate/claims-file.ts';
import { ReadinessFile } from '../reconcile/readiness.ts';
import { RouteReconciler } from '../reconcile/route-reconciler.ts';
import { openPacketFilter, type PacketFilterDeps } from './packet-filter.ts';
import type { Output } from './plan.ts';
import { findPluginBinary } from './plugin-binary.ts';
import {
  attachedPods,
  detachAll,
  hasAttachments,
  refusePods,
  removePodBridge,
  removeTable,
} from './pod-cleanup.ts';

/**
 * Removes each part even when another fails. Returns the exit status: 1 when something remains. While pods are attached,
 * it only keeps new ones from starting, so that the runtime can end the others, unless `--force` is given.
 */
export async function cleanup(config: Config, env: NodeJS.ProcessEnv, output: Output): Promise<number> {
  using rt = openRtnetlink();
  const pods = () => attachedPods(rt, config);
  if (!config.force && pods().length > 0) {
    return waitForPods(config, pods(), output);
  }
  const { cniBinDir: binDir, cniConfDir: confDir, stateDir, pluginLinks: links } = config;
  const files = new CniFiles({ binDir, confDir, pluginBinary: '', links });
  // A bridge of the same name can belong to another network: it is ours if this network is or was here.
  const attachments = hasAttachments(stateDir);
  const wasHere = attachments || existsSync(join(confDir, CONFLIST_NAME));
  let opened: PacketFilterDeps | undefined;
  const filters = (): PacketFilterDeps => {
    opened ??= openPacketFilter(config.packetFilter, env);
    return opened;
  };
  const parts: [what: string, remove: () => readonly string[] | Promise<readonly string[]>][] = [
    // Before the attachments: without it no new pod starts.
    ['the CNI configuration', () => files.removeConfiguration().map((path) => `- file ${path}`)],
    [
      'the attachments of pods',
      () =>
        attachments
          ? detachAll({ plugin: findPluginBinary(config.pluginBinary), searchPath: env.PATH }, config)
          : [],
    ],
    ['the guard of pods', () => removeTable(POD_GUARD_TABLE)],
    ['the pod bridge', () => (wasHere ? removePodBridge(rt, stateDir) : [])],
    ['the plugin', () => files.removePlugin().map((path) => `- file ${path}`)],
    ['the rules of NetworkPolicies', () => removeTable(POLICY_TABLE)],
    ['the nftables table', () => lines(filters().nftables.filter.apply(undefined, true))],
    ['the packet filter rules', () => lines(filters().rules.apply({ ipv4: noRules, ipv6: noRules }))],
    ['the IP sets', removeSets],
    ['the routes', removeRoutes],
    ['the saved state', () => removeState(stateDir)],
    ['the network of pods', () => expectNone(pods())],
  ];
  let status = 0;
  for (const [what, remove] of parts) {
    try {
      for (const line of await remove()) {
        output.out(`${line}\n`);
      }
    } catch (error) {
      status = 1;
      output.err(`! Cannot remove ${what}: ${(error as Error).message}\n`);
    }
  }
  return status;
}

/** Keeps new pods from starting and lists the pods to end. */
function waitForPods(config: Config, pods: readonly string[], { out, err }: Output): number {
  const { cniBinDir: binDir, cniConfDir: confDir, stateDir, pluginLinks: links } = config;
  // Without the plugin the runtime cannot end them.
  new CniFiles({ binDir, confDir, pluginBinary: findPluginBinary(config.pluginBinary), links }).apply();
  const path = refusePods(confDir, stateDir);
  if (path !== undefined) {
    out(`~ file ${path}\n`);
  }
  err(`! ${pods.length} pods still use this network: ${pods.join(', ')}\n`);
  err('  Delete them, those of DaemonSets too (no new pod can start here), and repeat the command.\n');
  err('  If the runtime cannot end them, cleanup --force detaches them.\n');
  return 1;
}

const lines = (actions: readonly Action[]): string[] => actions.map(describe);

function removeSets(): string[] {
  const sets = openSets();
  return lines(families.flatMap((family) => sets?.apply(family, undefined, true) ?? []));
}

function removeRoutes(): string[] {
  const kernel = openKernel();
  try {
    const routes = new RouteReconciler(new NodeIndex(), kernel, { nodeName: '' });
    routes.load();
    const { done, failed } = routes.removeAll();
    if (failed.length > 0) {
      throw new Error(failed.map(({ message }) => message).join(', '));
    }
    return lines(done);
  } finally {
    kernel.close();
  }
}

function removeState(stateDir: string): [] {
  const names = [STATE_NAME, POLICY_PODS_NAME, POLICY_SOCKET_NAME];
  // A killed agent leaves temporary files.
  for (const name of [...names, ...names.map(temporaryName)]) {
    rmSync(join(stateDir, name), { force: true });
  }
  rmSync(RESTORE_STAMP, { force: true });
  new ReadinessFile(stateDir).remove();
  return [];
}

/** Finds pods that were starting while the configuration was removed. */
function expectNone(pods: readonly string[]): [] {
  if (pods.length > 0) {
    throw new Error(`${pods.join(', ')} started during the removal: repeat the command`);
  }
  return [];
}
