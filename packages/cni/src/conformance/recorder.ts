/**
 * An IPAM plugin that notes how it was called and answers as it is told: what a plugin that delegates is tried
 * with. A program of its own; its argument is the folder with `answers.json`, where `calls.jsonl` grows.
 */
import { appendFileSync, readFileSync } from 'node:fs';

/** What to answer, by command. */
export type Answers = Record<string, { stdout?: string; exitCode?: number }>;

/** One call, as it was noted. */
export interface RecordedCall {
  command: string;
  env: Record<string, string>;
  stdin: string;
}

const folder = process.argv[2];
if (folder !== undefined) {
  const command = process.env.CNI_COMMAND ?? '';
  const call: RecordedCall = {
    command,
    env: process.env as Record<string, string>,
    stdin: readFileSync(0, 'utf8'),
  };
  appendFileSync(`${folder}/calls.jsonl`, `${JSON.stringify(call)}\n`);
  const { stdout = '', exitCode = 0 } =
    (JSON.parse(readFileSync(`${folder}/answers.json`, 'utf8')) as Answers)[command] ?? {};
  process.stdout.write(stdout);
  process.exitCode = exitCode;
}
