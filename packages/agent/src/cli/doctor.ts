/** `cnikit-agent doctor`: what is wrong with the pod network of this node, in sentences, and what to do about it. */
import type { Config } from '../config/config.ts';
import { diagnose, exitStatus, type Result } from '../diagnose/doctor/diagnose.ts';
import { gather } from '../diagnose/doctor/gather.ts';
import type { Output } from './plan.ts';
import { agentParts, openLog } from './wire.ts';

/** Columns of the text; the rest of a terminal's 80 is for the sign. */
const WIDTH = 76;

/** Prints what was found and changes nothing. Returns the exit status, see `exitStatus`. */
export async function doctor(config: Config, env: NodeJS.ProcessEnv, { out }: Output): Promise<number> {
  const parts = agentParts(config, openLog({ ...config, logLevel: 'silent' }, 2));
  try {
    const results = diagnose(await gather(config, env, parts));
    out(config.json ? `${JSON.stringify({ node: config.nodeName, results }, null, 2)}\n` : textOf(results));
    return exitStatus(results);
  } finally {
    parts.kernel.close();
  }
}

function textOf(results: readonly Result[]): string {
  const lines = results.flatMap(({ good, findings }) => [
    ...(good === undefined ? [] : paragraph('✓ ', good)),
    ...findings.flatMap(({ level, message, fix }) => [
      ...paragraph(level === 'failure' ? '✗ ' : '! ', message),
      ...paragraph('  → ', fix),
    ]),
  ]);
  const count = (level: string): number =>
    results.flatMap(({ findings }) => findings.filter((finding) => finding.level === level)).length;
  const [failures, warnings] = [count('failure'), count('warning')];
  const sum =
    failures + warnings === 0
      ? 'Nothing is wrong that can be seen from here.'
      : `${failures} ${failures === 1 ? 'failure' : 'failures'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`;
  return `${[...lines, '', sum].join('\n')}\n`;
}

/** Lines of at most `WIDTH` columns, the first behind `sign` and the others below it. */
function paragraph(sign: string, text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH - sign.length) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines.map((line, i) => `${i === 0 ? sign : ' '.repeat(sign.length)}${line}`);
}
