/**
 * An IPAM plugin that records its calls and prints scripted replies, as the delegate of the plugin under test. It is
 * a separate program. Its argument is the directory of `replies.json` and `calls.jsonl`.
 */
import { appendFileSync, readFileSync } from 'node:fs';

/** Scripted replies by command. */
export type Replies = Record<string, { stdout?: string; exitCode?: number }>;

/** One recorded call. */
export interface RecordedCall {
  command: string;
  env: Record<string, string>;
  stdin: string;
}

const [, , dir] = process.argv;
if (dir !== undefined) {
  const { env } = process;
  const command = env.CNI_COMMAND ?? '';
  const call: RecordedCall = {
    command,
    env: env as Record<string, string>,
    stdin: readFileSync(0, 'utf8'),
  };
  appendFileSync(`${dir}/calls.jsonl`, `${JSON.stringify(call)}\n`);
  const { stdout = '', exitCode = 0 } =
    (JSON.parse(readFileSync(`${dir}/replies.json`, 'utf8')) as Replies)[command] ?? {};
  process.stdout.write(stdout);
  process.exitCode = exitCode;
}
