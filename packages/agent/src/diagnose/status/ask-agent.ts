/** Asks the running agent of this node for its state. */
import { get } from 'node:http';
import type { Config } from '../../config/config.ts';

/** Body of /status. */
export interface AgentStatus {
  version: string;
  ready: boolean;
  problems: string[];
  /** Time of the last change of each podCIDR's route, ms since the epoch. */
  changed: Record<string, number>;
}

const TIMEOUT_MS = 3000;

/** Returns undefined when no agent answers at its health address. */
export function askAgent({ health }: Pick<Config, 'health'>): Promise<AgentStatus | undefined> {
  if (health === undefined) {
    return Promise.resolve(undefined);
  }
  const wildcard = health.host === '' || health.host === '0.0.0.0' || health.host === '::';
  const options = {
    host: wildcard ? '127.0.0.1' : health.host,
    port: health.port,
    path: '/status',
    timeout: TIMEOUT_MS,
    agent: false,
  };
  return new Promise((resolve) => {
    const request = get(options, async (response) => {
      try {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) {
          text += chunk;
        }
        const status = JSON.parse(text) as AgentStatus;
        resolve(typeof status.ready === 'boolean' && Array.isArray(status.problems) ? status : undefined);
      } catch {
        resolve(undefined);
      }
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}
