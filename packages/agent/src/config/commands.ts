/** The commands of cnikit-agent, in the order of the help. */

export const commands = [
  'run',
  'plan',
  'apply',
  'install',
  'doctor',
  'status',
  'policy',
  'rollback',
  'cleanup',
  'version',
  'help',
] as const;
export type Command = (typeof commands)[number];

export const isCommand = (text: string): text is Command => (commands as readonly string[]).includes(text);

/** Help of each command: a summary for the overview, and details for the help of that command. */
export const commandHelp: Readonly<Record<Command, readonly [summary: string, ...details: string[]]>> = {
  run: [
    'Maintain the pod network until SIGTERM or SIGINT (default)',
    'Shutting down changes nothing: pods keep their network.',
  ],
  plan: [
    'Print the changes that run would make, and make none',
    'A line begins with + (add), - (remove) or ~ (change).',
    'Exit status: 0 when there is nothing to change, 3 otherwise.',
  ],
  apply: ['Apply the changes once and exit', 'Exit status: 0 when the data path is programmed, 1 otherwise.'],
  install: [
    'Install the plugin executable and its links, and exit',
    'Needs write access to --cni-bin-dir only: no API server, no capabilities.',
  ],
  doctor: [
    'Check the path of pod traffic; explain each problem and its fix',
    'Changes nothing. Sends a few probe packets to other nodes.',
    'Exit status: 0 when all checks pass, 3 for warnings, 4 for failures.',
  ],
  status: [
    'Show the pod CIDRs of all nodes, their routes and next hops',
    'Exit status: 0 when all routes are in place, 3 otherwise.',
  ],
  policy: [
    'Ask which NetworkPolicies allow or deny: policy why, matrix or check',
    'policy why --from ENDPOINT --to ENDPOINT:PORT names the policies and rules that decide.',
    'policy matrix draws the pods that reach each other: # all ports, + some, . none.',
    'policy check prints policies that have no effect.',
    'Reads the API, not the kernel. Needs permission to list pods, namespaces and networkpolicies.',
    'Exit status: 0, 1 for a denied connection or a finding, 2 when there is no answer.',
  ],
  rollback: [
    'Restore the previous plugin and CNI configuration',
    'The agent keeps the restored version until the next upgrade, or until rollback --undo.',
  ],
  cleanup: [
    'Remove everything that the agent installed',
    'That is: configuration, plugin, rules, routes, tunnel links and saved state.',
    'Needs no API server. While pods use the network, it keeps new ones from starting and lists the others.',
    'Repeat it when they have ended, or use --force.',
    'Exit status: 0 when everything is removed, 1 otherwise.',
  ],
  version: ['Print the version'],
  help: ['Print this help, or the help of one command: help COMMAND'],
};
