/** Programs that do a whole task with the packages, in `tools/package-checks/tasks`. */
import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../../process.mjs';
import type { Example } from './readme.ts';

/** Copies the programs into the project. */
export function copyTasks(root: string, project: string): Example[] {
  return ['nft-table', 'iptables-twice', 'ip-clone', 'bridge-vlans'].map((name) => {
    const file = join(project, `${name}.ts`);
    copyFileSync(join(root, 'tools', 'package-checks', 'tasks', `${name}.ts`), file);
    return { name, file };
  });
}

/** Runs the tests that users write with vitest, outside the sandbox: they need no rights. Returns the problems. */
export async function runVitest(root: string, project: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  copyFileSync(join(root, 'tools/package-checks/tasks/ipam.spec.ts'), join(project, 'ipam.spec.mts'));
  symlinkSync(join(root, 'node_modules/vitest'), join(project, 'node_modules/vitest'));
  const argv = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--root', project, 'ipam.spec'];
  const { status, output } = await capture(argv, { cwd: project, env });
  return status === 0 ? [] : [`${argv.join(' ')} exited with status ${status}\n${output}`];
}
