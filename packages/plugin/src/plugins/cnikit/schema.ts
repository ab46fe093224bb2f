import * as z from 'zod/mini';

/** The agent's enforcement of network policy. */
export const policyConfSchema = z.looseObject({
  /** Absolute path of the socket where the agent learns about pods. */
  socket: z.string(),
});

/** The fields that the node's agent writes into the configuration. */
export const agentConfSchema = z.looseObject({
  /** Absolute path of the agent's readiness file. */
  readinessFile: z.optional(z.string()),
  /** Why ADD and STATUS fail while DEL works: the agent removes itself from the node. */
  refuseAdd: z.optional(z.string()),
  /** Values of the node's sysctls by key, such as `net/ipv4/conf/all/rp_filter`; `IFNAME` is the pod's host end. */
  hostSysctls: z.optional(z.record(z.string(), z.string())),
  policy: z.optional(policyConfSchema),
});

/** The fields of `cnikit` that choose how pods are attached. */
export const layoutConfSchema = z.looseObject({
  /** Absent: a port of the bridge. */
  layout: z.optional(z.enum(['bridge', 'routed'])),
  /** Namespaces whose pods may ask to send packets with source addresses other than their own. Only with `routed`. */
  foreignSourceNamespaces: z.optional(z.array(z.string())),
});

export type AgentConf = z.infer<typeof agentConfSchema>;
export type PolicyConf = z.infer<typeof policyConfSchema>;
export type LayoutConf = z.infer<typeof layoutConfSchema>;
