import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { junitOf, lineOf, summaryOf } from '../conformance/report.ts';
import { runConformance } from '../conformance/run.ts';
import { inSandbox } from '../conformance/sandbox.ts';
import { type Options, UsageError } from '../options.ts';

/** Tests a plugin in temporary namespaces. Returns the exit status: 1 when a MUST is not met. */
export async function conformance(options: Options): Promise<number> {
  const [given, ...rest] = options.operands;
  if (given === undefined || rest.length > 0) {
    throw new UsageError('conformance requires the path of one plugin');
  }
  const plugin = resolve(given);
  if (!statSync(plugin, { throwIfNoEntry: false })?.isFile()) {
    throw new UsageError(`Plugin ${plugin} does not exist`);
  }
  const config = options.conf === undefined ? undefined : readConfig(options.conf);
  const status = inSandbox(process.argv.slice(1), options.env);
  if (status !== undefined) {
    return status;
  }
  if (!statSync(plugin, { throwIfNoEntry: false })) {
    throw new UsageError(
      `Plugin ${plugin} is hidden in the sandbox, like all of /run and /var/lib: copy it to another directory`,
    );
  }

  const outcome = await runConformance({
    plugin,
    path: options.path,
    searchPath: options.env.PATH,
    config,
    only: options.only,
    onFinding: (finding) => {
      if (!options.json) {
        console.log(lineOf(finding));
      }
    },
  });
  if (options.json) {
    console.log(JSON.stringify(outcome));
  } else {
    console.log(`\n${outcome.plugin}, tested as ${KINDS[outcome.kind]}: ${summaryOf(outcome)}`);
  }
  if (options.junit !== undefined) {
    writeFileSync(options.junit, junitOf(outcome));
  }
  return outcome.findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

const KINDS = {
  interface: 'a plugin that creates an interface',
  loopback: 'a loopback plugin',
  ipam: 'an IPAM plugin',
  chained: 'a chained plugin',
} as const;

function readConfig(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`Cannot read --conf ${file}: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`Invalid --conf ${file}: expected a JSON object`);
  }
  const { name: _, type: __, ...config } = value as Record<string, unknown>;
  return config;
}
