/** Runs the commands, configuration and example of the README, with another plugin folder. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { parseConfigList, Runtime } from '@cnikit/cni-spec/runtime';
import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inSandbox } from './harness.ts';
import { makePod, run } from './namespaces.ts';

const root = new URL('../../..', import.meta.url).pathname;
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    (match) => match[1] as string,
  );

describe.skipIf(!inSandbox)('README.md (needs the sandbox: run npm test at the root)', () => {
  let bin: string;
  const [install, manualPod] = blocks('sh') as [string, string];
  const shell = (script: string) =>
    spawnSync('sh', ['-ec', script.replaceAll('/opt/cni/bin', bin)], { cwd: root, encoding: 'utf8' });

  beforeAll(() => {
    bin = mkdtempSync('/run/cnikit-bin-');
    const done = shell(install);
    expect(done.stderr + done.stdout).toBe('');
  });
  afterAll(() => rmSync(bin, { recursive: true }));

  test('the README’s manual ADD and DEL work', () => {
    run('ip', 'netns', 'add', 'try');
    const done = shell(manualPod);
    expect([done.stderr, done.status]).toEqual(['', 0]);
    expect(JSON.parse(done.stdout).ips[0].address).toBe('10.9.0.2/24');
    run('ip', 'netns', 'del', 'try');
    run('ip', 'link', 'del', 'try0');
  });

  test('a runtime runs the README’s plugin list', async () => {
    const io = nodeRuntimeIo();
    const runtime = new Runtime({ io, path: [bin], cacheDir: `${bin}/cache` });
    const list = parseConfigList(blocks('json')[0] as string);
    const pod = makePod();
    const attachment = { containerID: 'readme', netns: pod.path, ifName: 'eth0' };
    const result = await runtime.add(list, attachment);
    expect(result.ips?.map(({ address }) => address)).toEqual(['10.244.1.2/24', 'fd00:10:244:1::2/64']);
    expect(pod.run('cat', '/proc/sys/net/core/somaxconn').trim()).toBe('1024');
    await runtime.check(list, attachment);
    await runtime.del(list, attachment);
    pod.remove();
    run('ip', 'link', 'del', 'cni0');
  });

  const index = readFileSync(new URL('../src/index.ts', import.meta.url), 'utf8');
  const moduleExample = /^ \* ```ts\n(.*?)^ \* ```/ms.exec(index)?.[1]?.replaceAll(/^ \* ?/gm, '');
  test.each([...blocks('ts'), moduleExample as string])('the README’s TypeScript example %# runs', (code) => {
    const args = ['--conditions=@cnikit/source', '--input-type=module-typescript', '--eval', code];
    const output = execFileSync(process.execPath, args, { encoding: 'utf8', cwd: import.meta.dirname });
    for (const [, expected] of code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)) {
      expect(output).toContain(expected);
    }
  });
});
