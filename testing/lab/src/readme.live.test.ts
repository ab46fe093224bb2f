import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { execute } from './command.ts';

test.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The example of README.md runs (needs the sandbox)',
  async () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const example = readme.match(/```ts\n(.*?)```/s)?.[1] ?? '';
    const node = [process.execPath, '--conditions=@cnikit/source', '--input-type=module-typescript'];
    const outcome = await execute([...node, '--eval', example]);
    expect(outcome).toEqual({ status: 0, stdout: 'true true\n10.0.0.11\n', stderr: '' });
  },
);
