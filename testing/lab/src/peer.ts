import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LabError } from './errors.ts';
import type { Place } from './place.ts';

const program = (name: string) => fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url));

/** A server that tells clients which address it sees them come from. */
export interface PeerServer {
  port: number;
  stop(): Promise<void>;
}

/** Starts a {@link PeerServer} in a place, by TCP and UDP on all its addresses. Returns when it listens. */
export async function startPeerServer(place: Place, port = 8080): Promise<PeerServer> {
  const [file = '', ...args] = place.argv([process.execPath, program('peer-server'), String(port)]);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let trouble = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    trouble += text;
  });
  await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (child.exitCode !== null) {
    throw new LabError('CANNOT_START', `No peer server on ${place.name}: ${trouble.trim()}`);
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
 * The address by which a {@link PeerServer} sees a place.
 *
 * @throws LabError COMMAND_FAILED when it does not answer within `timeoutMs`
 */
export function sourceSeenBy(
  place: Place,
  server: { address: string; port: number },
  protocol: 'tcp' | 'udp',
  timeoutMs = 5_000,
): Promise<string> {
  const { address, port } = server;
  const client = [process.execPath, program('peer-client')];
  return place.must([...client, protocol, address, String(port), String(timeoutMs)], {
    timeoutMs: timeoutMs + 5_000,
  });
}
