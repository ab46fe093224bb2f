import { CniError, ErrorCode } from '../error.ts';
import { checkOutcome, type ExecOutcome, PluginError } from '../exec.ts';
import { isVersionReply, versionReplyKeys } from '../guards.ts';
import { normaliseKeys } from '../keys.ts';

/**
 * What a plugin's answer to VERSION means. Plugins of 0.1.0 do not know the command, and say so in words;
 * those of 0.2.0 may leave out the list.
 *
 * @throws CniError for any other failure, 6 for an answer that is none.
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
  throw new CniError(ErrorCode.DecodingFailure, `Plugin ${plugin} does not say which versions it supports`);
}

function parseReply(stdout: string): unknown {
  try {
    return normaliseKeys(JSON.parse(stdout), versionReplyKeys);
  } catch {
    return undefined;
  }
}
