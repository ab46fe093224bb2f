import { styleText } from 'node:util';
import type { Finding, Verdict } from './outcome.ts';
import type { Conformance } from './run.ts';

const STYLE = { pass: 'green', fail: 'red', warn: 'yellow', skip: 'gray' } as const satisfies Record<
  Verdict,
  string
>;
const ID_WIDTH = 9;

/** Formats a finding as two lines: the requirement, and the observation. */
export function lineOf(
  { id, level, title, verdict, seen }: Finding,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  const label = styleText(STYLE[verdict], verdict.padEnd(4), { stream });
  return `${label}  ${id.padEnd(ID_WIDTH)} ${level.padEnd(6)}  ${title}\n${' '.repeat(6 + ID_WIDTH + 9)}${seen}`;
}

/** Formats the number of findings by verdict as one line. */
export function summaryOf({ findings }: Conformance): string {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  return `${count('pass')} passed, ${count('fail')} failed, ${count('warn')} warnings, ${count('skip')} skipped`;
}

/** Formats findings as JUnit XML. A warning counts as skipped. */
export function junitOf({ plugin, findings }: Conformance): string {
  const cases = findings.map(({ id, level, title, verdict, seen }) => {
    const body = {
      pass: '',
      fail: `<failure message="${escapeXml(seen)}"/>`,
      warn: `<skipped message="${escapeXml(`not met: ${seen}`)}"/>`,
      skip: `<skipped message="${escapeXml(seen)}"/>`,
    };
    return `    <testcase classname="${id}" name="${escapeXml(`${id} ${level} ${title}`)}">${body[verdict]}</testcase>`;
  });
  const failures = findings.filter(({ verdict }) => verdict === 'fail').length;
  const skipped = findings.filter(({ verdict }) => verdict === 'warn' || verdict === 'skip').length;
  const counts = `tests="${findings.length}" failures="${failures}" skipped="${skipped}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${escapeXml(plugin)}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function escapeXml(text: string): string {
  const safe = text.replaceAll(/[^\t\n\r\x20-\ud7ff\ue000-\uffff]/g, '\ufffd');
  return safe
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
