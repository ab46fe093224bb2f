/** Removes what the plugin made for pods: attachments, the bridge and the directory of reservations. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileStore } from '@cnikit/ipam/file-store';
import { delLink, type RtnetlinkConnection } from '@cnikit/netlink';
import { delTable, type NftConnection, openNftables } from '@cnikit/netlink/nftables';
import { hostVethName, hostVethPrefix } from '@cnikit/plugin';
import { sys } from '@cnikit/sys';
import { noticeConflist } from '../apply/cni-names.ts';
import { installFile } from '../apply/files.ts';
import { BRIDGE_NAME, CONFLIST_NAME, NETWORK_NAME } from '../core/names.ts';
import { LIST_VERSIONS } from '../desired/list-versions.ts';
import { type LeakDirs, reservationsDir, vethLinks } from '../leaks/node-leaks.ts';
import { type PluginProgram, runPlugin } from '../leaks/run-plugin.ts';
import { configurations } from '../observe/configurations.ts';
import { describeOwner, podBehind } from '../records/pod-names.ts';
import { isWithoutNftables } from './packet-filter.ts';

/** Message of ADD and STATUS while pods still have to end. */
const REFUSAL = 'cnikit is being removed from this node: no pod can start on its network';

/** Returns the pods that are attached to the network: `namespace/name` where the runtime recorded it. */
export function attachedPods(rt: RtnetlinkConnection, { stateDir, cniCacheDir }: LeakDirs): string[] {
  const { reservations } = fileStore({ sys, dir: reservationsDir(stateDir) }).list();
  const owners = new Map(
    reservations.map((one) => [hostVethName(NETWORK_NAME, one.containerID, one.ifName || 'eth0'), one]),
  );
  return vethLinks(rt)
    .filter(({ name, peerHere }) => !peerHere && name.startsWith(hostVethPrefix(NETWORK_NAME)))
    .map(({ name }) => {
      const owner = owners.get(name);
      return owner === undefined
        ? (podBehind(cniCacheDir, name) ?? `link ${name}`)
        : describeOwner(cniCacheDir, NETWORK_NAME, owner);
    })
    .sort();
}

/**
 * Lets pods end and none start: ADD and STATUS of the installed conflist fail, DEL works. Restores a conflist that an
 * earlier cleanup removed, unless another network is configured. Returns the path if the file changed.
 */
export function refusePods(confDir: string, stateDir: string): string | undefined {
  const path = join(confDir, CONFLIST_NAME);
  if (!existsSync(path) && configurations(confDir).length > 0) {
    return undefined;
  }
  const list = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as { plugins: object[] })
    : {
        cniVersion: '1.0.0',
        cniVersions: LIST_VERSIONS,
        name: NETWORK_NAME,
        plugins: [podNetwork(stateDir)],
      };
  const plugins = list.plugins.map((plugin, i) => (i === 0 ? { ...plugin, refuseAdd: REFUSAL } : plugin));
  const text = `${JSON.stringify({ ...list, plugins }, null, 2)}\n`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) {
    return undefined;
  }
  installFile({ dir: confDir, name: CONFLIST_NAME, content: Buffer.from(text), mode: 0o644 });
  noticeConflist(confDir);
  return path;
}

/** The network as far as DEL and GC need it. */
const podNetwork = (stateDir: string): object => ({
  type: 'cnikit',
  capabilities: { portMappings: true, bandwidth: true },
  bridge: BRIDGE_NAME,
  ipam: { type: 'host-local', dataDir: `${stateDir}/ipam` },
});

/** Returns whether reservations or nftables tables of the plugin exist. */
export function hasAttachments(stateDir: string): boolean {
  if (existsSync(join(stateDir, 'ipam'))) {
    return true;
  }
  const nft = openNftables();
  try {
    return nft.tables().some(({ name }) => name?.startsWith('cnikit_'));
  } finally {
    nft.close();
  }
}

/**
 * Removes all attachments, those of running pods too: links, addresses, host ports and their nftables tables. Returns a
 * line for each address.
 *
 * @throws {Error} when something remains
 */
export async function detachAll(
  program: PluginProgram,
  { stateDir, cniCacheDir }: LeakDirs,
): Promise<string[]> {
  const { reservations } = fileStore({ sys, dir: reservationsDir(stateDir) }).list();
  const lines = reservations.map(
    (one) => `- address ${one.address} of ${describeOwner(cniCacheDir, NETWORK_NAME, one)}`,
  );
  await runPlugin(
    program,
    { CNI_COMMAND: 'GC' },
    { ...podNetwork(stateDir), cniVersion: '1.1.0', name: NETWORK_NAME, 'cni.dev/valid-attachments': [] },
  );
  return lines;
}

/**
 * Removes the bridge and the directory of reservations, and returns a line for each removed object.
 *
 * @throws {Error} when links of other programs are attached to the bridge; then both stay
 */
export function removePodBridge(rt: RtnetlinkConnection, stateDir: string): string[] {
  const bridge = rt.link({ name: BRIDGE_NAME });
  const ours = bridge?.kind === 'bridge' ? bridge : undefined;
  if (ours !== undefined) {
    const ports = rt.links({ master: ours.index }).map(({ name }) => name);
    if (ports.length > 0) {
      throw new Error(`${BRIDGE_NAME} still has links attached: ${ports.join(', ')}`);
    }
    rt.request(delLink({ index: ours.index }));
  }
  rmSync(join(stateDir, 'ipam'), { recursive: true, force: true });
  return ours === undefined ? [] : [`- link ${BRIDGE_NAME}`];
}

/** Removes an nftables table of family inet. Returns a line if it existed. */
export function removeTable(name: string): string[] {
  return (
    withTable(name, (nft, table) => {
      nft.commit([delTable(table)]);
      return [`- table ${table.family} ${table.name}`];
    }) ?? []
  );
}

/** Returns true when an nftables table of family inet exists. */
export function hasTable(name: string): boolean {
  return withTable(name, () => true) ?? false;
}

/** Runs `body` if the table exists; else returns undefined. */
function withTable<T>(
  name: string,
  body: (nft: NftConnection, table: { family: 'inet'; name: string }) => T,
): T | undefined {
  const table = { family: 'inet', name } as const;
  try {
    using nft = openNftables();
    return nft.table(table) === undefined ? undefined : body(nft, table);
  } catch (error) {
    if (isWithoutNftables(error)) {
      return undefined;
    }
    throw error;
  }
}
