/** Which problems become a Kubernetes Event, and under which reason. Pure. */
import type { Problem } from '../core/model.ts';

/** What is said about this node's Node; problems of one `key` are one Event. */
export interface NodeEvent {
  key: string;
  /** CamelCase, for machines. */
  reason: string;
  message: string;
}

/** By the beginning of the problem's key. */
const REASONS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^own node$/, 'PodCIDRMissing'],
  [/^(earlier|held|cni|chain)\b/, 'CNIConfigurationProblem'],
  [/^outside /, 'NoDefaultRoute'],
  [/^rules$/, 'PacketFilterFailed'],
  [/^kernel$/, 'KernelNotUsable'],
  [/^selftest$/, 'RouteSelfTestFailed'],
  [/^(condition|taint)$/, 'NodeNotUpdated'],
  [/^(route|foreign|write) /, 'RouteMissing'],
  [/^claim /, 'PodCIDRClaimedTwice'],
];
/** Of these there may be thousands: one Event for all. */
const SUMMED_UP = new Set(['RouteMissing', 'PodCIDRClaimedTwice']);
const MAX_BYTES = 1000;

/**
 * What concerns this node. Problems of other nodes alone are left to those nodes' agents: told by all, they would be
 * as many Events as there are nodes. Sysctls are left out, as the plugin sets what the agent may not.
 */
export function nodeEvents(problems: Iterable<Problem>, podCIDRs: readonly string[]): NodeEvent[] {
  const byKey = new Map<string, { reason: string; messages: string[] }>();
  for (const { key, message } of problems) {
    const reason = REASONS.find(([pattern]) => pattern.test(key))?.[1];
    if (reason === undefined) {
      continue;
    }
    if (reason === 'PodCIDRClaimedTwice' && !podCIDRs.includes(key.slice('claim '.length))) {
      continue;
    }
    const under = SUMMED_UP.has(reason) ? reason : key;
    const entry = byKey.get(under) ?? { reason, messages: [] };
    entry.messages.push(message);
    byKey.set(under, entry);
  }
  return [...byKey].map(([key, { reason, messages }]) => ({ key, reason, message: summary(messages) }));
}

function summary([first = '', ...more]: string[]): string {
  const text = more.length === 0 ? first : `${more.length + 1} problems, the first: ${first}`;
  return text.length > MAX_BYTES ? `${text.slice(0, MAX_BYTES - 1)}…` : text;
}
