/** `cnikit-agent doctor`: reports the problems of this node's pod network and how to fix them. */
import type { Config } from '../config/config.ts';
import { diagnose, exitStatus, type Result } from '../diagnose/doctor/diagnose.ts';
import { gather } from '../diagnose/doctor/gather.ts';
import { wrap } from './help.ts';
import { withInstalledLayout } from './installed-layout.ts';
import type { Output } from './plan.ts';
import { planDeps } from './wire.ts';

/** Width of the text, which leaves room for the sign in 80 columns. */
const WIDTH = 76;

/** Prints the results and changes nothing. Returns the exit status, see `exitStatus`. */
export async function doctor(given: Config, env: NodeJS.ProcessEnv, { out }: Output): Promise<number> {
  const config = withInstalledLayout(given);
  const deps = planDeps(config, env);
  try {
    const results = diagnose(await gather(config, env, deps));
    out(config.json ? `${JSON.stringify({ node: config.nodeName, results }, null, 2)}\n` : textOf(results));
    return exitStatus(results);
  } finally {
    deps.kernel.close();
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
      ? 'All checks passed.'
      : `${failures} ${failures === 1 ? 'failure' : 'failures'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`;
  return `${[...lines, '', sum].join('\n')}\n`;
}

/** Wraps a text; the first line begins with `sign`, the others are indented by its width. */
function paragraph(sign: string, text: string): string[] {
  return wrap(text, WIDTH - sign.length).map(
    (line, i) => `${i === 0 ? sign : ' '.repeat(sign.length)}${line}`,
  );
}
