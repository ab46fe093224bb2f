/** The same by iproute2: `ip -batch` and `ip -j`, with the start of the process. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { destination, GATEWAY, PROTOCOL, ROUTES, type Times } from './task.ts';

/** Runs a program that has to succeed. */
export function run(argv: readonly string[]): string {
  const [program = '', ...args] = argv;
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) {
    throw new Error(`${argv.join(' ')}: ${stderr}`);
  }
  return stdout;
}

/** @param directory where the batches are written */
export function measureIp(directory: string, link: string): Times {
  const batch = (verb: string): string[] => {
    const line = (i: number) =>
      `route ${verb} ${destination(i)}/24 via ${GATEWAY} dev ${link} proto ${PROTOCOL}\n`;
    const file = `${directory}/${verb}`;
    writeFileSync(file, Array.from({ length: ROUTES }, (_, i) => line(i)).join(''));
    return ['ip', '-batch', file];
  };
  const [add, del] = [batch('add'), batch('del')];
  const time = (argv: string[]): number => {
    const start = performance.now();
    run(argv);
    return performance.now() - start;
  };
  return { add: time(add), dump: time(['ip', '-j', '-4', 'route', 'show']), remove: time(del) };
}
