/** The context that a scenario runs in, and the scenario itself. */
import type { Cluster, Machines } from './cluster.ts';

/** Layouts of pods that the agent offers. */
export type Layout = 'bridge' | 'routed';

export interface Context {
  readonly cluster: Cluster;
  readonly repository: string;
  /** Archive of the agent's image; absent: the nodes can pull it. */
  readonly imageArchive?: string | undefined;
  /** Layout of pods; undefined: the agent's default. */
  readonly layout?: Layout | undefined;
  /** Folder for files that a scenario writes. */
  readonly state: string;
}

/** A property of the cluster that a scenario depends on. */
export type Need =
  | 'machines'
  | 'service proxy'
  | 'cluster DNS'
  | 'user namespaces'
  | 'sidecars'
  | 'patches of kustomize'
  | 'status patches'
  | 'nftables proxy';

export interface Scenario {
  readonly title: string;
  /** Requirements; the scenario is left out, with the reason, on a cluster that lacks one of them. */
  readonly needs?: readonly Need[];
  /** The result depends on kube-proxy's mode, so the scenario runs in every mode. */
  readonly dependsOnProxy?: true;
  /** Later scenarios cannot run without this one: its failure ends the run. */
  readonly essential?: true;
  /** Returns the folder with the manifests that the agents must run with; absent: those that `install` applies. */
  manifests?(context: Context): string;
  /** Injects a fault: the log then shows nodes and events as an operator sees them. */
  readonly fault?: true;
  /** Returns the reason when the scenario is known to fail on this cluster; success is then a failure. */
  known?(context: Context): string | undefined;
  /**
   * Returns a summary of the measured values.
   *
   * @throws {Error} when an expectation is not met
   */
  run(context: Context): Promise<string | undefined>;
}

/** A scenario, or scenarios that run at the same time, with the manifests of the first: none of them disturbs nodes. */
export type Step = Scenario | readonly Scenario[];

/**
 * The machines of a scenario that needs them.
 *
 * @throws {Error} when the cluster gives no access to its nodes
 */
export function machinesOf({ cluster }: Context): Machines {
  if (cluster.machines === undefined) {
    throw new Error('The scenario needs the nodes as machines');
  }
  return cluster.machines;
}

/**
 * Runs a command on a node and returns its output.
 *
 * @throws {Error} when the command fails
 */
export function onNode(context: Context, node: string, ...argv: string[]): string {
  const { status, stdout, stderr } = machinesOf(context).exec(node, ...argv);
  if (status === 0) {
    return stdout;
  }
  throw new Error(`${argv.join(' ')} on ${node} failed (${status}): ${stderr || stdout}`);
}
