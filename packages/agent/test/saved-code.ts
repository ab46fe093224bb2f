/** Before all tests: saves V8's code of the built agent once, as the image does, for agents that tests start. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inDist = (name: string): string => fileURLToPath(new URL(`../dist/${name}`, import.meta.url));

export default function saveCode(): void {
  const [agent, program, cache] = [
    'cnikit-agent.js',
    'cnikit-agent-program.cjs',
    'cnikit-agent-program.cache',
  ].map(inDist);
  const isCurrent = (): boolean =>
    existsSync(cache!) && statSync(cache!).mtimeMs > statSync(program!).mtimeMs;
  if (existsSync(program!) && !isCurrent()) {
    // Without it, agents start all the same, only more slowly.
    spawnSync(process.execPath, [agent!, 'code-cache']);
  }
}
