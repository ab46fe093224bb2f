/** Starts what the plugin reports pods to, for network policy. */
import { join } from 'node:path';
import { fileStore } from '@cnikit/ipam/file-store';
import { hostVethName } from '@cnikit/plugin';
import { sys } from '@cnikit/sys';
import type { Config } from '../config/config.ts';
import type { Log } from '../core/log.ts';
import { NETWORK_NAME, POLICY_SOCKET_NAME } from '../core/names.ts';
import { after, Timers } from '../core/timers.ts';
import { reservationsDir } from '../leaks/node-leaks.ts';
import type { LocalPods } from '../policy/local-pods.ts';
import { PolicyClaims } from '../policy-gate/policy-claims.ts';
import { PolicyGate } from '../policy-gate/policy-gate.ts';
import { recordedPod } from '../records/runtime-record.ts';

/** The running gate. */
export interface PolicyGateTask {
  /** Why the plugin cannot report pods; undefined when it can. */
  readonly failure: string | undefined;
  close(): void;
}

/**
 * Claims the pods that the plugin reported before, opens the socket for new ones, and compares both with the reservations at
 * each resync.
 */
export async function startPolicyGate(
  {
    stateDir,
    cniCacheDir,
    resyncMs,
    foreignSourceNamespaces = [],
  }: Pick<Config, 'stateDir' | 'cniCacheDir' | 'resyncMs' | 'foreignSourceNamespaces'>,
  pods: LocalPods,
  log: Log,
): Promise<PolicyGateTask> {
  const claims = new PolicyClaims({
    pods,
    stateDir,
    reservations: () => fileStore({ sys, dir: reservationsDir(stateDir) }).list().reservations,
    foreignEnd: ({ namespace, containerId, ifName }) =>
      foreignSourceNamespaces.includes(namespace)
        ? hostVethName(NETWORK_NAME, containerId, ifName || 'eth0')
        : undefined,
    recorded: (attachment) => recordedPod(cniCacheDir, NETWORK_NAME, attachment),
    log,
  });
  const gate = new PolicyGate({
    path: join(stateDir, POLICY_SOCKET_NAME),
    network: NETWORK_NAME,
    handle: (request) => claims.handle(request),
    log,
  });
  const timers = new Timers<'next'>(after);
  const next = (): void =>
    timers.start('next', resyncMs, () => {
      claims.reconcile();
      void gate.check();
      next();
    });
  claims.start();
  await gate.check();
  next();
  return {
    get failure() {
      return gate.failure;
    },
    close() {
      timers.close();
      gate.close();
    },
  };
}
