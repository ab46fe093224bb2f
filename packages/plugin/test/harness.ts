/** Shared by every suite of plugins: the environment of a call, and assertions on its output. */
import { expect } from 'vitest';
import type { Answer } from './invoke.ts';
import type { Pod } from './namespaces.ts';

export const inSandbox = process.env.CNIKIT_SANDBOX === '1';

export function env(
  command: string,
  id: string,
  pod: Pick<Pod, 'path'>,
  more: Record<string, string> = {},
): Record<string, string> {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: id,
    CNI_NETNS: pod.path,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin',
    ...more,
  };
}

export function ok(answer: Answer): Answer {
  expect(answer, answer.stdout + answer.stderr).toMatchObject({ exitCode: 0 });
  return answer;
}

export function fails(answer: Answer, code: number, msg: string | RegExp): void {
  expect(answer.exitCode).not.toBe(0);
  expect(answer.json).toMatchObject({ code, msg: expect.stringMatching(msg) });
}

interface Compared {
  interfaces?: { name: string; mac?: string }[];
  dns?: object;
}

/**
 * Replaces what differs between runs, MAC addresses and host end names, and drops an empty `dns`, which older
 * upstream plugins write in every version.
 */
export function comparable({ dns, ...result }: Compared): unknown {
  const interfaces = result.interfaces?.map(({ name, mac, ...rest }) => ({
    ...rest,
    name: name.startsWith('veth') ? 'veth' : name,
    mac: mac === undefined ? 'none' : mac.replace(/[0-9a-f]/g, 'x'),
  }));
  const known = dns !== undefined && Object.keys(dns).length > 0 ? { dns } : {};
  return { ...result, ...known, interfaces };
}
