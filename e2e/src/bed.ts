/** What a scenario is given, and what it is. */
import type { Cluster, Machines } from './cluster.ts';

export interface Bed {
  readonly cluster: Cluster;
  readonly repository: string;
  /** Archive of the agent's image; absent: the nodes can pull it. */
  readonly imageArchive?: string;
  /** A folder for what a scenario has to write. */
  readonly state: string;
}

export interface Scenario {
  readonly title: string;
  /** Needs the nodes as machines, so it cannot be tried on somebody's cluster. */
  readonly onMachines?: true;
  /** Gives what is worth telling; throws when something is not as it should be. */
  run(bed: Bed): Promise<string | undefined>;
}

/** The machines of a scenario that needs them. */
export function machinesOf({ cluster }: Bed): Machines {
  if (cluster.machines === undefined) {
    throw new Error('This needs the nodes as machines');
  }
  return cluster.machines;
}

/** As `machines.exec`, but throws when the command fails. */
export function onNode(bed: Bed, node: string, ...argv: string[]): string {
  const { status, stdout, stderr } = machinesOf(bed).exec(node, ...argv);
  if (status === 0) {
    return stdout;
  }
  throw new Error(`${argv.join(' ')} on ${node} failed (${status}): ${stderr || stdout}`);
}
