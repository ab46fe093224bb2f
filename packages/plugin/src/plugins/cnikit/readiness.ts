import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Sys, SysError } from '@cnikit/sys';

/**
 * Throws while the node's agent is not ready, as it says in its file: `{"ready": true}`, or
 * `{"ready": false, "reason": "…"}`.
 *
 * @throws CniError 50 with the reason
 */
export function requireReadiness(sys: Sys, file: string): void {
  const reason = whyNotReady(sys, file);
  if (reason === undefined) {
    return;
  }
  throw new CniError(ErrorCode.PluginNotAvailable, reason, `The agent of this node writes ${file}`);
}

function whyNotReady(sys: Sys, file: string): string | undefined {
  let text: string;
  try {
    text = sys.readText(file);
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    if (error.code === 'ENOENT') {
      return 'The agent has not started yet';
    }
    return `Whether the agent is ready cannot be read: ${error.code}`;
  }
  try {
    const { ready, reason } = JSON.parse(text) as { ready?: unknown; reason?: unknown };
    if (ready === true) {
      return undefined;
    }
    return `The agent is not ready: ${typeof reason === 'string' && reason !== '' ? reason : 'it does not say why'}`;
  } catch {
    return 'Whether the agent is ready cannot be told: its file holds no JSON object';
  }
}
