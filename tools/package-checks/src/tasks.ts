/** Programs that do a whole task with the packages, in `tools/package-checks/tasks`. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Example } from './readme.ts';

/** Copies the programs into the project. */
export function copyTasks(root: string, project: string): Example[] {
  return ['nft-table', 'iptables-twice'].map((name) => {
    const file = join(project, `${name}.ts`);
    copyFileSync(join(root, 'tools', 'package-checks', 'tasks', `${name}.ts`), file);
    return { name, file };
  });
}
