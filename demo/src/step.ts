import type { Cluster } from './cluster.ts';
import type { Finding } from './finding.ts';

/** A step of the demo. */
export interface Step {
  title: string;
  /** True to skip all later steps when this one fails. */
  essential?: boolean;
  run(cluster: Cluster): Promise<Finding>;
}
