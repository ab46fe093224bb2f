import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LabError } from './errors.ts';
import type { Namespace } from './namespace.ts';

const program = (name: string) => fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url));

/** A server that returns to each client the client's source address. */
export interface PeerServer {
  port: number;
  stop(): Promise<void>;
}

/** Starts a {@link PeerServer} for TCP and UDP on all addresses of a namespace. Resolves when it listens. */
export async function startPeerServer(namespace: Namespace, port = 8080): Promise<PeerServer> {
  const [file = '', ...args] = namespace.argv([process.execPath, program('peer-server'), String(port)]);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let trouble = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    trouble += text;
  });
  await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (child.exitCode !== null) {
    throw new LabError(
      'CANNOT_START',
      `Cannot start the peer server on ${namespace.name}: ${trouble.trim()}`,
    );
  }
  return {
    port,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) {
        return;
      }
      child.kill();
      await once(child, 'exit');
    },
  };
}

/**
 * Connects from a namespace to a {@link PeerServer} and returns the source address that the server sees.
 *
 * @throws {LabError} COMMAND_FAILED when the server does not reply within `timeoutMs`
 */
export function sourceSeenBy(
  namespace: Namespace,
  server: { address: string; port: number },
  protocol: 'tcp' | 'udp',
  timeoutMs = 20_000,
): Promise<string> {
  const { address, port } = server;
  const client = [process.execPath, program('peer-client')];
  return namespace.must([...client, protocol, address, String(port), String(timeoutMs)], {
    timeoutMs: timeoutMs + 5_000,
  });
}
