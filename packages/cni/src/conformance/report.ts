import { styleText } from 'node:util';
import type { Finding, Verdict } from './outcome.ts';
import type { Conformance } from './run.ts';

const STYLE = { pass: 'green', fail: 'red', warn: 'yellow', skip: 'gray' } as const satisfies Record<
  Verdict,
  string
>;
const WIDEST_ID = 9;

/** One line of the table. */
export function lineOf(
  { id, level, title, verdict, seen }: Finding,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  const word = styleText(STYLE[verdict], verdict.padEnd(4), { stream });
  return `${word}  ${id.padEnd(WIDEST_ID)} ${level.padEnd(6)}  ${title}\n${' '.repeat(6 + WIDEST_ID + 9)}${seen}`;
}

/** How many there are of each verdict, in one line. */
export function summaryOf({ findings }: Conformance): string {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  return `${count('pass')} passed, ${count('fail')} failed, ${count('warn')} not met but no MUST, ${count('skip')} skipped`;
}

/** JUnit's XML, as CI systems read it. A requirement that is no MUST counts as skipped if it is not met. */
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
