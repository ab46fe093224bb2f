import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { read } from './rendered.ts';

interface Workflow {
  permissions: unknown;
  jobs: Record<string, { steps: { run?: string; uses?: string }[] }>;
}

const { scripts } = JSON.parse(read('../package.json')) as { scripts: Record<string, string> };

test.each(['ci', 'release'])('workflow %s runs existing npm scripts and declares its permissions', (name) => {
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
});

test('the release workflow pins the base images of the Dockerfile, with the Node version of the tests', () => {
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
