import { readdirSync, readFileSync } from 'node:fs';
import { LabError } from './errors.ts';
import type { Namespace } from './namespace.ts';

/** Directory of a node's plugins. */
const BIN = '/opt/cni/bin';

/** The newest version of the specification that this runtime supports. */
const NEWEST = '1.1.0';

/** A network configuration list, as a runtime reads it. */
export interface ConfList {
  cniVersion: string;
  cniVersions?: string[];
  name: string;
  disableCheck?: boolean;
  plugins: ({ type: string; capabilities?: Record<string, boolean> } & Record<string, unknown>)[];
}

/** A plugin's result. Only the fields that the lab reads are named. */
export interface CniResult {
  interfaces?: { name: string; sandbox?: string; mac?: string }[];
  ips?: { address: string; gateway?: string; interface?: number }[];
  [key: string]: unknown;
}

/** A call of a whole chain of plugins. */
export interface Invocation {
  /** The node that runs the plugins. */
  namespace: Namespace;
  conf: ConfList;
  command: 'ADD' | 'DEL' | 'CHECK';
  containerID: string;
  /** Empty when the namespace no longer exists. */
  netns: string;
  ifName: string;
  args: Record<string, string>;
  /** Result of ADD, for CHECK and DEL. */
  prevResult?: CniResult;
  /** Values for the capabilities that plugins declare, such as portMappings. */
  capabilityArgs?: Record<string, unknown>;
}

/**
 * Loads the configuration list that containerd would use: the first *.conflist sorted by name.
 *
 * @throws {LabError} NO_CONFLIST when the directory has none
 */
export function loadConfList(directory: string): ConfList {
  const file = readdirSync(directory)
    .filter((name) => name.endsWith('.conflist'))
    .sort()[0];
  if (file === undefined) {
    throw new LabError('NO_CONFLIST', `No .conflist in ${directory}: the node is not ready for pods`);
  }
  const conf: ConfList = JSON.parse(readFileSync(`${directory}/${file}`, 'utf8'));
  return { ...conf, cniVersion: newestCommonVersion(conf) };
}

/** Returns the newest version that both the list and this runtime support (SPEC 1.1.0, "cniVersions"). */
function newestCommonVersion({ cniVersion, cniVersions = [] }: ConfList): string {
  const order = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true });
  const known = [cniVersion, ...cniVersions].filter((version) => order(version, NEWEST) <= 0);
  return known.sort(order).at(-1) ?? cniVersion;
}

/**
 * Runs a chain of plugins. ADD and CHECK run in order, DEL in reverse. Each ADD gets the result of the previous plugin,
 * CHECK and DEL get the stored result.
 *
 * @returns the last result of ADD
 * @throws {LabError} PLUGIN_FAILED with the plugin's error
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
  const { namespace, conf, command, capabilityArgs = {} } = call;
  const { capabilities = {}, ...own } = plugin;
  const runtimeConfig = Object.fromEntries(
    Object.entries(capabilityArgs).filter(([name]) => capabilities[name] === true),
  );
  const input = {
    ...own,
    cniVersion: conf.cniVersion,
    name: conf.name,
    ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
    prevResult,
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
  const outcome = await namespace.exec([`${BIN}/${plugin.type}`], { env, input: JSON.stringify(input) });
  if (outcome.status === 0) {
    return outcome.stdout;
  }
  const output = outcome.stdout.trim() || outcome.stderr.trim();
  throw new LabError('PLUGIN_FAILED', `${command} of ${plugin.type} on ${namespace.name} failed: ${output}`);
}
