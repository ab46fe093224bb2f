import { CniError, ErrorCode } from '../error.ts';
import { checkOutcome, type ExecOutcome, PluginError } from '../exec.ts';
import { isVersionReply, versionReplyKeys } from '../guards.ts';
import { normaliseKeys } from '../keys.ts';

/**
 * Returns the versions in a plugin's reply to VERSION. Plugins of 0.1.0 fail with a known message, and those
 * of 0.2.0 may omit the list.
 *
 * @throws {CniError} 6 for an invalid reply, or the plugin's error
 */
export function readVersions(outcome: ExecOutcome, plugin: string): string[] {
  try {
    checkOutcome(outcome, { plugin, command: 'VERSION' });
  } catch (error) {
    if (error instanceof PluginError && error.message === 'unknown CNI_COMMAND: VERSION') {
      return ['0.1.0'];
    }
    throw error;
  }
  const reply = parseReply(outcome.stdout);
  if (isVersionReply(reply)) {
    if (reply.supportedVersions?.length) {
      return reply.supportedVersions;
    }
    if (reply.cniVersion === '0.2.0') {
      return ['0.1.0', '0.2.0'];
    }
  }
  throw new CniError(ErrorCode.DecodingFailure, `Plugin ${plugin} printed an invalid reply to VERSION`);
}

function parseReply(stdout: string): unknown {
  try {
    return normaliseKeys(JSON.parse(stdout), versionReplyKeys);
  } catch {
    return undefined;
  }
}
