/** A local registry for the rehearsal of a release. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { npm } from '../../dependencies.mjs';
import { capture } from '../../process.mjs';

export interface Registry {
  /** Environment for npm with the registry's address and an accepted token. */
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

/** Starts an empty registry. It proxies packages of others from the registry that npm uses on this machine. */
export async function startRegistry(root: string, folder: string, env: NodeJS.ProcessEnv): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const upstream = (
    await capture([...npm(env), 'config', 'get', 'registry'], { cwd: root, env })
  ).output.trim();
  writeFileSync(join(folder, 'config.yaml'), config(folder, upstream));
  const userconfig = join(folder, 'npmrc');
  writeFileSync(userconfig, `registry=http://127.0.0.1:${port}/\n//127.0.0.1:${port}/:_authToken=anybody\n`);
  const program = join(root, 'node_modules/.bin/verdaccio');
  const listen = `127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    [program, '--config', join(folder, 'config.yaml'), '--listen', listen],
    {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  await ready(child, listen);
  return {
    env: { ...env, NPM_CONFIG_USERCONFIG: userconfig, npm_config_registry: `http://${listen}/` },
    async close() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) {
        await once(child, 'exit');
      }
    },
  };
}

function config(folder: string, upstream: string): string {
  return JSON.stringify({
    storage: join(folder, 'storage'),
    uplinks: { upstream: { url: upstream } },
    packages: {
      '@cnikit/*': { access: '$all', publish: '$all' },
      '**': { access: '$all', proxy: 'upstream' },
    },
    max_body_size: '50mb',
    log: { type: 'stdout', format: 'json', level: 'warn' },
  });
}

/** Waits until the registry responds. Throws with its output if it exits. */
async function ready(child: ChildProcess, listen: string): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000);
    });
  }
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline && child.exitCode === null) {
    const response = await fetch(`http://${listen}/-/ping`).catch(() => undefined);
    if (response?.ok) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill();
  throw new Error(`The registry does not respond:\n${output}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('No free port');
  }
  return address.port;
}
