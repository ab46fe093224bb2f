import { readdirSync, readFileSync } from 'node:fs';
import { LabError } from './errors.ts';
import type { Place } from './place.ts';

/** Where a node keeps its plugins. */
const BIN = '/opt/cni/bin';

/** The newest version of the specification this runtime speaks. */
const NEWEST = '1.1.0';

/** A network configuration list, as a runtime reads it. */
export interface ConfList {
  cniVersion: string;
  cniVersions?: string[];
  name: string;
  disableCheck?: boolean;
  plugins: ({ type: string; capabilities?: Record<string, boolean> } & Record<string, unknown>)[];
}

/** The part of a plugin's answer that the lab reads; all of it is passed on. */
export interface CniResult {
  interfaces?: { name: string; sandbox?: string; mac?: string }[];
  ips?: { address: string; gateway?: string; interface?: number }[];
  [key: string]: unknown;
}

/** One call of a whole chain of plugins. */
export interface Invocation {
  /** The node whose plugins run. */
  place: Place;
  conf: ConfList;
  command: 'ADD' | 'DEL' | 'CHECK';
  containerID: string;
  /** Empty when the namespace is gone. */
  netns: string;
  ifName: string;
  args: Record<string, string>;
  /** What ADD answered, for CHECK and DEL. */
  prevResult?: CniResult;
  /** Values for the capabilities that plugins declare, such as portMappings. */
  capabilityArgs?: Record<string, unknown>;
}

/**
 * Loads what containerd would: the first file in order of name that is a configuration list.
 *
 * @throws LabError NO_CONFLIST
 */
export function loadConfList(directory: string): ConfList {
  const file = readdirSync(directory)
    .filter((name) => name.endsWith('.conflist'))
    .sort()[0];
  if (file === undefined) {
    throw new LabError(
      'NO_CONFLIST',
      `There is no .conflist in ${directory}: the node is not ready for pods`,
    );
  }
  const conf: ConfList = JSON.parse(readFileSync(`${directory}/${file}`, 'utf8'));
  return { ...conf, cniVersion: newestCommonVersion(conf) };
}

/** The newest version that both the list's author and this runtime know (SPEC 1.1.0, "cniVersions"). */
function newestCommonVersion({ cniVersion, cniVersions = [] }: ConfList): string {
  const order = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true });
  const known = [cniVersion, ...cniVersions].filter((version) => order(version, NEWEST) <= 0);
  return known.sort(order).at(-1) ?? cniVersion;
}

/**
 * Runs a chain: each plugin in order with the previous one's result, for DEL in reverse with the cached one.
 *
 * @returns the last result of ADD
 * @throws LabError PLUGIN_FAILED with the plugin's own error
 */
export async function runChain(call: Invocation): Promise<CniResult> {
  const { command, conf } = call;
  if (command === 'CHECK' && conf.disableCheck) {
    return {};
  }
  const plugins = command === 'DEL' ? conf.plugins.toReversed() : conf.plugins;
  let result: CniResult | undefined = command === 'ADD' ? undefined : call.prevResult;
  for (const plugin of plugins) {
    const stdout = await runPlugin(call, plugin, result);
    if (command === 'ADD') {
      result = JSON.parse(stdout);
    }
  }
  return result ?? {};
}

async function runPlugin(call: Invocation, plugin: ConfList['plugins'][number], prevResult?: CniResult) {
  const { place, conf, command, capabilityArgs = {} } = call;
  const { capabilities = {}, ...own } = plugin;
  const runtimeConfig = Object.fromEntries(
    Object.entries(capabilityArgs).filter(([name]) => capabilities[name] === true),
  );
  const input = {
    ...own,
    cniVersion: conf.cniVersion,
    name: conf.name,
    ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
    ...(prevResult && { prevResult }),
  };
  const env = {
    PATH: process.env.PATH ?? '',
    CNI_COMMAND: command,
    CNI_CONTAINERID: call.containerID,
    CNI_NETNS: call.netns,
    CNI_IFNAME: call.ifName,
    CNI_ARGS: Object.entries(call.args)
      .map(([key, value]) => `${key}=${value}`)
      .join(';'),
    CNI_PATH: BIN,
  };
  const outcome = await place.exec([`${BIN}/${plugin.type}`], { env, input: JSON.stringify(input) });
  if (outcome.status === 0) {
    return outcome.stdout;
  }
  const said = outcome.stdout.trim() || outcome.stderr.trim();
  throw new LabError('PLUGIN_FAILED', `${command} by ${plugin.type} on ${place.name} failed: ${said}`);
}
