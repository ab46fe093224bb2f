/** `cnikit-agent cleanup`: removes everything that the agent made. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { families } from '@cnikit/ip';
import { CniFiles } from '../apply/cni-files.ts';
import { openKernel } from '../apply/netlink-kernel.ts';
import { createRules } from '../apply/rules.ts';
import { openSets } from '../apply/sets.ts';
import type { Config } from '../config/config.ts';
import { type Action, describe } from '../core/action.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import { NodeIndex } from '../desired/node-index.ts';
import { noRules } from '../desired/rules.ts';
import { STATE_NAME } from '../observe/saved-state.ts';
import { ReadinessFile } from '../reconcile/readiness.ts';
import { RouteReconciler } from '../reconcile/route-reconciler.ts';
import type { Output } from './plan.ts';
import { removePodBridge } from './pod-cleanup.ts';

/** Removes each part even when another fails. Returns the exit status: 1 when something remains. */
export function cleanup(config: Config, env: NodeJS.ProcessEnv, { out, err }: Output): number {
  let status = 0;
  const part = (what: string, body: () => readonly string[]): void => {
    try {
      for (const line of body()) {
        out(`${line}\n`);
      }
    } catch (error) {
      status = 1;
      err(`! Cannot remove ${what}: ${(error as Error).message}\n`);
    }
  };
  const lines = (actions: readonly Action[]): string[] => actions.map(describe);
  let wasInstalled = false;
  part('the CNI files', () => {
    const removed = new CniFiles({
      binDir: config.cniBinDir,
      confDir: config.cniConfDir,
      pluginBinary: '',
      links: config.pluginLinks,
    }).remove();
    wasInstalled = removed.includes(join(config.cniConfDir, CONFLIST_NAME));
    return removed.map((path) => `- file ${path}`);
  });
  part('the packet filter rules', () => lines(createRules(env).apply({ ipv4: noRules, ipv6: noRules })));
  part('the IP sets', () => {
    const sets = openSets();
    return lines(families.flatMap((family) => sets?.apply(family, undefined, true) ?? []));
  });
  part('the routes', () => {
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
  });
  // Another CNI's bridge may have the same name: it is ours if our configuration was installed.
  if (wasInstalled) {
    part('the pod bridge', () => removePodBridge(config.stateDir));
  }
  part('the saved state', () => {
    rmSync(join(config.stateDir, STATE_NAME), { force: true });
    new ReadinessFile(config.stateDir).remove();
    return [];
  });
  return status;
}
