import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { type Sys, SysError } from '@cnikit/sys';

/**
 * Checks the readiness file of the node's agent: `{"ready": true}`, or `{"ready": false, "reason": "…"}`.
 *
 * @throws {CniError} 50 with the reason, while the agent is not ready
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
    return `Cannot read the agent's readiness: ${error.code}`;
  }
  try {
    const { ready, reason } = JSON.parse(text) as { ready?: unknown; reason?: unknown };
    if (ready === true) {
      return undefined;
    }
    return `The agent is not ready: ${typeof reason === 'string' && reason !== '' ? reason : 'no reason given'}`;
  } catch {
    return "Cannot parse the agent's readiness: expected a JSON object";
  }
}
