/** The results of `cnikit-agent doctor` as text: a cause, its remedy, and one line for each of its consequences. */
import type { Result } from '../diagnose/doctor/diagnose.ts';
import type { Finding } from '../diagnose/doctor/finding.ts';
import { wrap } from './help.ts';

/** Width of the text, which leaves room for the sign in 80 columns. */
const WIDTH = 76;
/** Consequences to list of one check; more do not help to understand them. */
const MAX_SHOWN = 2;
const SIGNS = { failure: '✗ ', warning: '! ' } as const;

/** Results up to a cause that has consequences come first if they have findings. */
export function textOf(results: readonly Result[]): string {
  const all = results.flatMap(({ findings }) => findings);
  const causes = new Set(all.map(({ followsFrom }) => followsFrom));
  const head = results.slice(0, results.findLastIndex(({ check }) => causes.has(check)) + 1);
  const ordered = [
    ...head.filter(({ findings }) => findings.length > 0),
    ...head.filter(({ findings }) => findings.length === 0),
    ...results.slice(head.length),
  ];
  const lines = ordered.flatMap(({ check, good, skipped, findings }) => [
    ...(good === undefined ? [] : paragraph(skipped ? '- ' : '✓ ', good)),
    ...remedied(findings.filter(({ followsFrom }) => followsFrom === undefined)),
    ...(causes.has(check) ? consequences(check, results) : []),
  ]);
  return `${[...lines, '', summary(results)].join('\n')}\n`;
}

/** Lists findings with their remedies; those with the same one share it. */
const remedied = (findings: readonly Finding[]): string[] =>
  findings.flatMap(({ level, message, fix }, i) => [
    ...paragraph(SIGNS[level], message),
    ...(findings[i + 1]?.fix === fix ? [] : paragraph('  → ', fix)),
  ]);

/** Lists findings without their remedies, which are the remedy of the cause. */
function consequences(cause: string, results: readonly Result[]): string[] {
  const lines = results.flatMap(({ findings }) => {
    const all = findings.filter(({ followsFrom }) => followsFrom === cause);
    const more = all.length - MAX_SHOWN;
    return [
      ...all.slice(0, MAX_SHOWN).flatMap(({ level, message }) => paragraph(`  ${SIGNS[level]}`, message)),
      ...(more > 0 ? [`    and ${more} more of this check`] : []),
    ];
  });
  return [...paragraph('  ', 'These follow from it (--json lists all of them, with details):'), ...lines];
}

function summary(results: readonly Result[]): string {
  const count = (level: Finding['level']): number =>
    results.flatMap(({ findings }) => findings.filter((finding) => finding.level === level)).length;
  const [failures, warnings] = [count('failure'), count('warning')];
  if (failures + warnings > 0) {
    return `${failures} ${failures === 1 ? 'failure' : 'failures'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`;
  }
  const skipped = results.filter((result) => result.skipped).length;
  return skipped === 0
    ? 'All checks passed.'
    : `All checks passed except for ${skipped} with the mark -, which had nothing to judge.`;
}

/** Wraps a text; the first line begins with `sign`, the others are indented by its width. */
function paragraph(sign: string, text: string): string[] {
  return wrap(text, WIDTH - sign.length).map(
    (line, i) => `${i === 0 ? sign : ' '.repeat(sign.length)}${line}`,
  );
}
