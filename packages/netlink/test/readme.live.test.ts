/** The README's examples run unchanged, each as a separate program. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { beforeEach, expect, test } from 'vitest';
import { live } from './live.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code!);
const modules = [
  'index.ts',
  'codec/index.ts',
  'monitor.ts',
  'nftables.ts',
  'conntrack.ts',
  'ipset.ts',
  'generic.ts',
  'wireguard.ts',
  'testing.ts',
].map((file) => {
  const source = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8');
  const example = /^ \* ```ts\n(.*?)^ \* ```/ms.exec(source)![1]!;
  return [file, example.replaceAll(/^ \* ?/gm, '')] as const;
});

live('documentation', () => {
  beforeEach(() => sys.unshare(CLONE_NEWNET));

  const check = (code: string): void => {
    const args = ['--conditions=@cnikit/source', '--input-type=module-typescript', '--eval', code];
    const output = execFileSync(process.execPath, args, { encoding: 'utf8', cwd: import.meta.dirname });
    // A comment behind console.log says what is printed.
    for (const [, said] of code.matchAll(/console\.log\(.*?\); \/\/ (.*)$/gm)) {
      expect(output).toContain(said);
    }
  };

  test.each(examples.map((code, i) => [i, code] as const))('README example %i runs', (_, code) =>
    check(code),
  );
  test.each(modules)('The example of %s runs', (_, code) => check(code));
});
