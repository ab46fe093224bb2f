import * as z from 'zod/mini';

/** What the agent of a node writes into the configuration for the plugin to do, since it may not do it itself. */
export const agentConfSchema = z.looseObject({
  /** Where the agent says whether it is ready, an absolute path. */
  readinessFile: z.optional(z.string()),
  /** Sysctls of the node by key, such as `net/ipv4/conf/all/rp_filter`; `IFNAME` stands for the pod's host end. */
  hostSysctls: z.optional(z.record(z.string(), z.string())),
});

export type AgentConf = z.infer<typeof agentConfSchema>;
