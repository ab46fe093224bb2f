#!/usr/bin/env node
/**
 * Runs the server as a separate process:
 *
 *     cnikit-apiserver-fake --host 10.0.0.1 --port 6443 \
 *       --rbac deploy/base/rbac.yaml --control /run/apiserver.sock --kubeconfig /run/kubeconfig
 *
 * Prints one line of JSON when it listens and exits on SIGTERM or SIGINT.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { type ControlAddress, serveControl } from './control.ts';
import type { KubeObject } from './resources.ts';
import { startApiServer } from './server.ts';

const USAGE = `cnikit-apiserver-fake [OPTIONS]: run a fake Kubernetes API server until SIGTERM

  --host ADDRESS     address to listen on (default 127.0.0.1)
  --port PORT        port to listen on (default: a free one)
  --name NAME        additional name in the certificate, repeatable
  --rbac FILE        YAML of the roles and bindings that limit the token
  --control PATH     unix socket, or port on 127.0.0.1, that controls the server
  --kubeconfig FILE  file to write the kubeconfig to
  --nodes FILE       JSON array of the Nodes that exist at the start
  --help, -h         print this text
  --version          print the version`;

/** Reports an invalid command line. */
class UsageError extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`cnikit-apiserver-fake: ${(error as Error).message}`);
  if (error instanceof UsageError) {
    console.error('Try: cnikit-apiserver-fake --help');
  }
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function main(argv: readonly string[]): Promise<void> {
  const options = parse(argv);
  if (options.help || options.version) {
    console.log(options.help ? USAGE : packageJson.version);
    return;
  }
  const server = await startApiServer({
    host: options.host,
    port: parsePort(options.port),
    names: options.name,
    rbacFile: options.rbac,
    nodes: options.nodes === undefined ? undefined : readNodes(options.nodes),
  });
  if (options.kubeconfig !== undefined) {
    writeFileSync(options.kubeconfig, server.kubeconfig(), { mode: 0o600 });
  }
  const address: ControlAddress | undefined =
    options.control !== undefined && /^\d+$/.test(options.control)
      ? Number(options.control)
      : options.control;
  const control = address === undefined ? undefined : await serveControl(server, address);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, async () => {
      await control?.close();
      await server.close();
    });
  }
  console.log(JSON.stringify({ url: server.url, port: server.port, control: options.control ?? null }));
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '0' },
        name: { type: 'string', multiple: true },
        rbac: { type: 'string' },
        control: { type: 'string' },
        kubeconfig: { type: 'string' },
        nodes: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new UsageError(`Invalid --port "${text}": expected a number from 0 to 65535`);
  }
  return port;
}

function readNodes(file: string): KubeObject[] {
  const text = readFileSync(file, 'utf8');
  try {
    return JSON.parse(text) as KubeObject[];
  } catch (error) {
    throw new Error(`Cannot parse --nodes ${file}: ${(error as Error).message}`, { cause: error });
  }
}
