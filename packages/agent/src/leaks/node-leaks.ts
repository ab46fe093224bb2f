/** Reads the leaks of this node from its reservations and links, and releases them with the plugin's DEL. */
import { IpamError } from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import { delLink, type RtnetlinkConnection } from '@cnikit/netlink';
import { hostVethName, lostSandboxes } from '@cnikit/plugin';
import { sys } from '@cnikit/sys';
import { NETWORK_NAME } from '../core/names.ts';
import { podBehind, withPodNames } from '../records/pod-names.ts';
import { findLeaks, type Leak, type VethLink } from './find.ts';
import { type PluginProgram, runPlugin } from './run-plugin.ts';

/** Returns the directory of the network's reservations. */
export const reservationsDir = (stateDir: string): string => `${stateDir}/ipam/${NETWORK_NAME}`;

/** Directories of the plugin's state and of the runtime's records. */
export interface LeakDirs {
  stateDir: string;
  cniCacheDir: string;
}

/** Returns the leaks, with the pods that the runtime recorded. */
export function scanLeaks(rt: RtnetlinkConnection, { stateDir, cniCacheDir }: LeakDirs): Leak[] {
  const { reservations } = fileStore({ sys, dir: reservationsDir(stateDir) }).list();
  const veths = vethLinks(rt);
  const links = new Set(veths.filter(({ peerHere }) => !peerHere).map(({ name }) => name));
  const leaks = findLeaks(NETWORK_NAME, reservations, veths).map((leak) => {
    switch (leak.kind) {
      case 'reservation':
        return withPodNames(cniCacheDir, [leak])[0]!;
      case 'unreserved':
        return { ...leak, pod: podBehind(cniCacheDir, leak.link.name) };
      default:
        return leak;
    }
  });
  return [...leaks, ...lostLeaks(cniCacheDir, (name) => links.has(name))];
}

function lostLeaks(cacheDir: string, hasLink: (name: string) => boolean): Leak[] {
  const lost = lostSandboxes(sys, { network: NETWORK_NAME, cacheDir, hasLink });
  return withPodNames(
    cacheDir,
    lost.map((one) => ({
      kind: 'sandbox' as const,
      key: `sandbox ${hostVethName(NETWORK_NAME, one.containerID, one.ifName)}`,
      ...one,
    })),
  );
}

/** How long to wait for the lock of the reservations. The next look tries again. */
const LOCK_TIMEOUT_MS = 1000;

/** Removes index entries that remained when another plugin deleted pods. Writes nothing when there are none. */
export function collectIndex(stateDir: string): void {
  const store = fileStore({ sys, dir: reservationsDir(stateDir), lockTimeoutMs: LOCK_TIMEOUT_MS });
  if (store.orphans?.().length === 0) {
    return;
  }
  try {
    store.lock(() => store.tidy?.());
  } catch (error) {
    if (!(error instanceof IpamError) || error.code !== 'LOCK_TIMEOUT') {
      throw error;
    }
  }
}

export function vethLinks(rt: RtnetlinkConnection): VethLink[] {
  return rt
    .links({ kind: 'veth' })
    .map(({ name, index, linkNetnsId }) => ({ name, index, peerHere: linkNetnsId === undefined }));
}

/**
 * Runs the DEL that the runtime lost. The plugin knows everything that ADD creates, and frees an address only
 * if the attachment still holds it. `conflist` is the text of the installed one.
 */
export async function releaseLeak(
  rt: RtnetlinkConnection,
  leak: Leak,
  { conflist, ...program }: PluginProgram & { conflist: string },
): Promise<void> {
  if (leak.kind === 'veth') {
    rt.request(delLink({ name: leak.link.name }));
  }
  if (leak.kind !== 'reservation' && leak.kind !== 'sandbox') {
    return;
  }
  const { cniVersion, name, plugins } = JSON.parse(conflist) as {
    cniVersion: string;
    name: string;
    plugins: Record<string, unknown>[];
  };
  const env = {
    CNI_COMMAND: 'DEL',
    CNI_CONTAINERID: leak.containerID,
    CNI_IFNAME: leak.ifName,
    CNI_NETNS: '',
  };
  await runPlugin(program, env, { ...plugins[0], cniVersion, name });
}
