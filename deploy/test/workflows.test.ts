import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { read } from './rendered.ts';

interface Workflow {
  permissions: unknown;
  jobs: Record<string, { steps: { run?: string; uses?: string }[] }>;
}

const { scripts } = JSON.parse(read('../package.json')) as { scripts: Record<string, string> };

test.each(['ci', 'release'])(
  'workflow %s runs commands that there are, with permissions that it names',
  (name) => {
    const { permissions, jobs } = parse(read(`../.github/workflows/${name}.yml`)) as Workflow;
    expect(permissions).toBeDefined();
    const commands = Object.values(jobs)
      .flatMap(({ steps }) => steps)
      .flatMap(({ run = '', ...step }) => [run, JSON.stringify(step)])
      .flatMap((text) => [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script));
    if (name === 'release') {
      expect(commands).toContain('release');
    }
    for (const script of commands) {
      expect(Object.keys(scripts)).toContain(script);
    }
  },
);

test('the bases that the workflow pins are those of the Dockerfile, with the Node that everything is tested with', () => {
  const args = [...read('image/Dockerfile').matchAll(/^ARG (\w+)_IMAGE=(\S+)$/gm)].map(([, name, tag]) => [
    name,
    tag,
  ]);
  const { devDependencies } = JSON.parse(read('../package.json')) as {
    devDependencies: Record<string, string>;
  };
  expect(Object.fromEntries(args)).toEqual({
    NODE: `node:${devDependencies.node}-trixie-slim`,
    DEBIAN: 'debian:trixie-slim',
  });
  for (const [name] of args) {
    expect(read('../.github/workflows/release.yml')).toContain(`${name}_IMAGE=\${{`);
  }
});
