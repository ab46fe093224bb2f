import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { junitOf, lineOf, summaryOf } from '../conformance/report.ts';
import { runConformance } from '../conformance/run.ts';
import { inSandbox } from '../conformance/sandbox.ts';
import { type Options, UsageError } from '../options.ts';

/** Tries a plugin in namespaces of its own; gives the exit status: 1 if a MUST is not met. */
export async function conformance(options: Options): Promise<number> {
  const [given, ...rest] = options.operands;
  if (given === undefined || rest.length > 0) {
    throw new UsageError('conformance needs the path of one plugin');
  }
  const plugin = resolve(given);
  if (!statSync(plugin, { throwIfNoEntry: false })?.isFile()) {
    throw new UsageError(`There is no plugin ${plugin}`);
  }
  const config = options.conf === undefined ? undefined : readConfig(options.conf);
  const elsewhere = inSandbox(process.argv.slice(1));
  if (elsewhere !== undefined) {
    return elsewhere;
  }
  if (!statSync(plugin, { throwIfNoEntry: false })) {
    throw new UsageError(
      `${plugin} cannot be seen from inside: /run and /var/lib are hidden; copy it to another folder`,
    );
  }

  const outcome = await runConformance({
    plugin,
    path: options.path,
    ...(config ? { config } : {}),
    ...(options.only ? { only: options.only } : {}),
    onFinding: (finding) => {
      if (!options.json) {
        console.log(lineOf(finding));
      }
    },
  });
  if (options.json) {
    console.log(JSON.stringify(outcome));
  } else {
    console.log(`\n${outcome.plugin}, taken for ${KINDS[outcome.kind]}: ${summaryOf(outcome)}`);
  }
  if (options.junit !== undefined) {
    writeFileSync(options.junit, junitOf(outcome));
  }
  return outcome.findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

const KINDS = {
  interface: 'a plugin that makes an interface',
  loopback: 'a loopback plugin',
  ipam: 'an IPAM plugin',
  chained: 'a plugin that runs after others',
} as const;

function readConfig(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--conf ${file}: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`--conf ${file} is not a JSON object`);
  }
  const { name: _, type: __, ...config } = value as Record<string, unknown>;
  return config;
}
