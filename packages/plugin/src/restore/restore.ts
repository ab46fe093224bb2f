/**
 * `cnikit restore`: makes the links and rules of running pods again that another program removed, such as
 * `nft flush ruleset`, which restarts of nftables.service run, or `ip link del` of the bridge. The runtime's records have
 * the configuration and the result of each ADD. It changes nothing for a pod that has everything.
 */
import type { Env, PluginIo, PluginOutput } from '@cnikit/cni-spec';
import { openRtnetlink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { hostVethName } from '../links/names.ts';
import type { Plugins } from '../plugins/index.ts';
import { type CachedAttachment, cachedAttachments } from '../records/cached-attachments.ts';
import { stampRestore } from '../records/restore-stamp.ts';
import { hasHostEndOrNamespace, type Links } from '../records/running.ts';
import { withReadOnlySysctls } from './read-only-sysctls.ts';
import type { RestoredPart } from './restore-bridge.ts';
import { restorers } from './restorers.ts';

const USAGE = `Usage: cnikit restore [--cache-dir DIR] [--json]
`;
/** Plugins that give the host end our name. */
const NAMING: readonly string[] = ['cnikit', 'bridge', 'ptp'];

/** An attachment that was restored, or failed to be. */
interface Outcome {
  network: string;
  containerID: string;
  ifName: string;
  restored: RestoredPart[];
  /** Why a part could not be restored. */
  error?: string;
}

/**
 * Runs the command. It may run several times, and while pods start and end.
 *
 * @param plugins run DEL for a pod that ended meanwhile
 * @param args arguments after `restore`
 */
export function restore(sys: Sys, env: Env, plugins: Plugins, args: readonly string[]): PluginOutput {
  const options = parseOptions(args);
  if (options === undefined) {
    return { stdout: '', stderr: `Unknown arguments: ${args.join(' ')}\n\n${USAGE}`, exitCode: 2 };
  }
  const { cacheDir, json } = options;
  const all = restorers(withReadOnlySysctls(sys));
  const alive = lookUpLinks(sys);
  const outcomes = cachedAttachments(sys, cacheDir)
    .filter((attachment) => isRunning(sys, attachment, alive))
    .map((attachment) => restoreOne(attachment))
    .filter(({ restored, error }) => restored.length > 0 || error !== undefined);
  const failed = outcomes.filter(({ error }) => error !== undefined);
  return {
    stdout: json ? `${JSON.stringify(outcomes)}\n` : outcomes.flatMap(lines).join(''),
    stderr: json ? '' : failed.map((one) => `${nameOf(one)}: ${one.error}\n`).join(''),
    exitCode: failed.length > 0 ? 1 : 0,
  };

  function restoreOne(attachment: CachedAttachment): Outcome {
    const { network, containerID, ifName } = attachment;
    const restored: RestoredPart[] = [];
    const outcome: Outcome = { network, containerID, ifName, restored };
    for (const plugin of attachment.plugins) {
      const output = all.get(plugin.type)?.(ioOf(attachment, plugin.configuration, 'CHECK'), restored);
      if (output !== undefined && output.exitCode !== 0) {
        outcome.error ??= messageOf(output);
      }
    }
    // DEL removes the rules before the link. It may have run between the first look and the change, or run now.
    if (restored.length > 0) {
      stampRestore(sys);
    }
    if (restored.length > 0 && !isRunning(sys, attachment, lookUpLinks(sys))) {
      for (const { type, configuration } of [...attachment.plugins].reverse()) {
        if (all.has(type)) {
          plugins.get(type)?.(ioOf(attachment, configuration, 'DEL'));
        }
      }
      return { ...outcome, restored: [] };
    }
    return outcome;
  }

  function ioOf(attachment: CachedAttachment, stdin: string, command: 'CHECK' | 'DEL'): PluginIo {
    const { containerID, ifName, netns, args: cniArgs } = attachment;
    return {
      env: {
        ...env,
        CNI_COMMAND: command,
        CNI_CONTAINERID: containerID,
        CNI_IFNAME: ifName,
        CNI_NETNS: netns,
        CNI_ARGS: cniArgs,
      },
      stdin,
    };
  }
}

function lookUpLinks(sys: Sys): Links {
  const host = openRtnetlink({ sys });
  try {
    return new Map(host.links({ kind: 'veth' }).map(({ name, mac }) => [name, mac]));
  } finally {
    host.close();
  }
}

/** Returns true for the pod of a record that still runs. The host end of other plugins has another name. */
function isRunning(sys: Sys, attachment: CachedAttachment, links: Links): boolean {
  const { network, containerID, ifName, plugins } = attachment;
  if (plugins.some(({ type }) => NAMING.includes(type))) {
    return links.has(hostVethName(network, containerID, ifName));
  }
  return hasHostEndOrNamespace(sys, attachment, links);
}

function parseOptions(args: readonly string[]): { cacheDir?: string; json: boolean } | undefined {
  const options: { cacheDir?: string; json: boolean } = { json: false };
  const rest = [...args];
  for (let option = rest.shift(); option !== undefined; option = rest.shift()) {
    const value = option === '--cache-dir' ? rest.shift() : undefined;
    if (option === '--json') {
      options.json = true;
    } else if (value) {
      options.cacheDir = value;
    } else {
      return undefined;
    }
  }
  return options;
}

function messageOf({ stdout }: PluginOutput): string {
  const { msg, details } = JSON.parse(stdout) as { msg: string; details?: string };
  return details ? `${msg} (${details})` : msg;
}

const nameOf = ({ network, containerID, ifName }: Outcome): string => `${network}/${containerID}/${ifName}`;

const lines = (one: Outcome): string[] =>
  one.restored.length === 0 ? [] : [`Restored ${one.restored.join(', ')} of ${nameOf(one)}\n`];
