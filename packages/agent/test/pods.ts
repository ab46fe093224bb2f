/** Pods by the real plugin, in namespaces of the sandbox. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { executablePath } from '@cnikit/plugin';
import { sys } from '@cnikit/sys';
import { type LiveNode, run } from './live-node.ts';

/** The static executable, which `npm test` builds. */
export const plugin = executablePath();
export const hasPlugin = existsSync(plugin);

/** A namespace with a pod's link and addresses, and what the runtime asks for besides. `id` names both. */
export function addPod(node: LiveNode, id: string, runtimeConfig: object = {}): void {
  run('ip', 'netns', 'add', id);
  invoke(node, 'ADD', id, runtimeConfig);
}

/** As `addPod`; also writes a record of the pod `shop/ID` to `cacheDir`, as runtimes do. */
export function addRecordedPod(
  node: LiveNode,
  id: string,
  cacheDir: string,
  runtimeConfig: object = {},
  uid = `uid-${id}`,
): void {
  run('ip', 'netns', 'add', id);
  const result: unknown = JSON.parse(invoke(node, 'ADD', id, runtimeConfig));
  const record = {
    kind: 'cniCacheV1',
    containerId: id,
    config: readFileSync(join(node.confDir, '05-cnikit.conflist')).toString('base64'),
    ifName: 'eth0',
    networkName: 'cnikit',
    cniArgs: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', 'shop'],
      ['K8S_POD_NAME', id],
      ['K8S_POD_UID', uid],
    ],
    capabilityArgs: runtimeConfig,
    result,
  };
  mkdirSync(join(cacheDir, 'results'), { recursive: true });
  writeFileSync(join(cacheDir, 'results', `cnikit-${id}-eth0`), JSON.stringify(record));
}

/** As the runtime ends a pod: DEL and then the namespace. */
export function deletePod(node: LiveNode, id: string): void {
  invoke(node, 'DEL', id);
  loseNamespace(id);
}

/** Deletes the namespace without DEL. */
export const loseNamespace = (id: string): void => void run('ip', 'netns', 'delete', id);

/** Calls the plugin's STATUS with the agent's conflist, as a runtime of CNI 1.1 does. */
export function status(node: LiveNode): { status: number; code: number | undefined } {
  const { status, stdout } = spawn(node, 'STATUS', {}, { cniVersion: '1.1.0' });
  return { status, code: stdout === '' ? undefined : (JSON.parse(stdout) as { code: number }).code };
}

function invoke(node: LiveNode, command: 'ADD' | 'DEL', id: string, runtimeConfig: object = {}): string {
  const env = { CNI_CONTAINERID: id, CNI_IFNAME: 'eth0', CNI_NETNS: `/run/netns/${id}` };
  const { status, stdout } = spawn(node, command, env, { runtimeConfig });
  if (status !== 0) {
    throw new Error(`${command} of ${id}: ${stdout}`);
  }
  return stdout;
}

function spawn(
  { confDir, binDir }: LiveNode,
  command: string,
  more: Record<string, string>,
  changes: object,
) {
  const list = JSON.parse(readFileSync(join(confDir, '05-cnikit.conflist'), 'utf8')) as {
    cniVersion: string;
    name: string;
    plugins: object[];
  };
  const { cniVersion, name, plugins } = list;
  const env = { CNI_COMMAND: command, CNI_PATH: binDir, ...more };
  const input = JSON.stringify({ ...plugins[0], cniVersion, name, ...changes });
  return sys.run([join(binDir, 'cnikit')], { env, input });
}
