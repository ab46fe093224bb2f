/** Builds programs of other projects, which are compared with cnikit and no part of it. */
import { spawnSync } from 'node:child_process';

/** Builds a Go program into a folder. Returns why that is not possible; undefined when it is done. */
export function goInstall(program: string, folder: string): string | undefined {
  console.error(`Go builds ${program}, which takes minutes the first time`);
  const { status, error, stderr } = spawnSync('go', ['install', program], {
    env: { ...process.env, GOBIN: folder },
    encoding: 'utf8',
  });
  if (status === 0) {
    return undefined;
  }
  return `Go cannot build ${program}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`;
}
