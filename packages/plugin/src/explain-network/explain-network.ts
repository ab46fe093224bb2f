import { decodeNetworkConfig, supportedVersions, toCniError } from '@cnikit/cni-spec';
import { derivePluginConfig, parseConfigList } from '@cnikit/cni-spec/runtime';
import { explainPlugin } from './explain-plugin.ts';

/** The description of a configuration; `valid` is false when ADD would refuse it. */
export interface Explanation {
  text: string;
  valid: boolean;
}

/**
 * Describes what ADD does for the configuration of one plugin or of a plugin list. It reads only the text, not the node.
 */
export function explainNetwork(text: string): Explanation {
  try {
    return isList(text) ? explainList(text) : explainOne(text, '');
  } catch (error) {
    return { text: `Invalid: ${messageOf(error)}\n`, valid: false };
  }
}

function isList(text: string): boolean {
  const document: unknown = JSON.parse(text);
  return typeof document === 'object' && document !== null && 'plugins' in document;
}

function explainList(text: string): Explanation {
  const list = parseConfigList(text);
  const parts = list.plugins.map((entry, i) => {
    const { text: own, valid } = explainOne(derivePluginConfig(list, entry), '   ');
    const capabilities = Object.keys(entry.capabilities).filter((name) => entry.capabilities[name]);
    const asked = capabilities.length > 0 ? `   The runtime passes it: ${capabilities.join(', ')}.\n` : '';
    return { text: `${i + 1}. ${entry.type}\n${own}${asked}`, valid };
  });
  const version = list.cniVersion === '' ? '0.1.0, since it names no version' : list.cniVersion;
  return {
    text: `Network ${list.name}, CNI ${version}. For each pod, in this order:\n\n${parts.map((part) => part.text).join('\n')}`,
    valid: parts.every((part) => part.valid),
  };
}

function explainOne(text: string, indent: string): Explanation {
  try {
    const config = decodeNetworkConfig(text);
    if (!(supportedVersions as readonly string[]).includes(config.cniVersion)) {
      throw new RangeError(`no plugin here speaks cniVersion ${JSON.stringify(config.cniVersion)}`);
    }
    const lines = explainPlugin(config);
    return { text: lines.map((line) => `${indent}${line}\n`).join(''), valid: true };
  } catch (error) {
    return { text: `${indent}Invalid: ${messageOf(error)}\n`, valid: false };
  }
}

function messageOf(error: unknown): string {
  const { message, details } = toCniError(error);
  return details === '' ? message : `${message}: ${details}`;
}
