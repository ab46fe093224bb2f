import { readFileSync } from 'node:fs';
import { explainNetwork } from '@cnikit/plugin/explain-network';
import { type Options, UsageError } from '../options.ts';
import type { Output } from './network.ts';

const STDIN = 0;

/**
 * Describes what ADD of cnikit's plugins does for a configuration from a file or stdin. The exit status is 1 when the
 * configuration is invalid.
 */
export async function explain({ operands }: Options): Promise<Output> {
  const [file, ...rest] = operands;
  if (rest.length > 0) {
    throw new UsageError('explain takes at most one configuration file; without one it reads stdin');
  }
  const configuration = read(file);
  if (configuration.trim() === '') {
    throw new UsageError(`${file ?? 'stdin'} is empty: expected the configuration of a network`);
  }
  const { text, valid } = explainNetwork(configuration);
  return { text: text.trimEnd(), json: { valid, text }, exitCode: valid ? 0 : 1 };
}

function read(file: string | undefined): string {
  try {
    return readFileSync(file ?? STDIN, 'utf8');
  } catch (error) {
    throw new UsageError(`Cannot read ${file ?? 'stdin'}: ${(error as Error).message}`);
  }
}
