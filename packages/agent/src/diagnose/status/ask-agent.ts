/** What the agent that runs on this node says of itself. */
import { get } from 'node:http';
import type { Config } from '../../config/config.ts';

/** The answer of /status. */
export interface AgentStatus {
  version: string;
  ready: boolean;
  problems: string[];
  /** By podCIDR, when its route was changed last, ms since the epoch. */
  changed: Record<string, number>;
}

const TIMEOUT_MS = 3000;

/** Undefined when none answers where it should. */
export function askAgent({ health }: Pick<Config, 'health'>): Promise<AgentStatus | undefined> {
  if (health === undefined) {
    return Promise.resolve(undefined);
  }
  const everywhere = health.host === '' || health.host === '0.0.0.0' || health.host === '::';
  const options = {
    host: everywhere ? '127.0.0.1' : health.host,
    port: health.port,
    path: '/status',
    timeout: TIMEOUT_MS,
    agent: false,
  };
  return new Promise((done) => {
    const request = get(options, async (response) => {
      try {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) {
          text += chunk;
        }
        const status = JSON.parse(text) as AgentStatus;
        done(typeof status.ready === 'boolean' && Array.isArray(status.problems) ? status : undefined);
      } catch {
        done(undefined);
      }
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => done(undefined));
  });
}
