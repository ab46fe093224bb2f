import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { executablePath } from '../src/executable-path.ts';
import { makePod, type Pod, run } from './namespaces.ts';

/**
 * Adds pods concurrently by the executable, deletes them concurrently, and returns the IPv4 addresses they had.
 *
 * @param changes to the configuration, or a function of the pod's number that returns them
 * @param between runs while every pod is attached
 */
export async function concurrentAdds(
  count: number,
  changes: object | ((pod: number) => object) = {},
  between: () => void = () => undefined,
): Promise<string[]> {
  const dataDir = mkdtempSync('/run/cnikit-test-');
  const conf = {
    cniVersion: '1.0.0',
    name: 'crowd',
    bridge: 'crowd0',
    isDefaultGateway: true,
    ipam: { type: 'host-local', dataDir, subnet: '10.93.0.0/24' },
  };
  const invoke = async (command: string, pod: Pod, number: number): Promise<string> => {
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: pod.name,
      CNI_NETNS: pod.path,
      CNI_IFNAME: 'eth0',
    };
    const child = spawn(executablePath(), { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const own = typeof changes === 'function' ? changes(number) : changes;
    child.stdin.end(JSON.stringify({ ...conf, ...own }));
    const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0) {
      throw new Error(`${command} ${pod.name}: ${stdout}`);
    }
    return stdout;
  };
  const pods = Array.from({ length: count }, makePod);
  try {
    const results = await Promise.all(pods.map((pod, i) => invoke('ADD', pod, i)));
    between();
    await Promise.all(pods.map((pod, i) => invoke('DEL', pod, i)));
    return results.map((result) => JSON.parse(result).ips[0].address);
  } finally {
    for (const pod of pods) {
      pod.remove();
    }
    run('ip', 'link', 'del', 'crowd0');
    rmSync(dataDir, { recursive: true });
  }
}
