/** What the command line can do, in words. */
import type { Command } from '../config/config.ts';

/** What the command can do. Each command's own help is cut out of it by `helpOf`. */
export const help = `cnikit-agent keeps a node's pod network right: routes to the pods of other nodes,
forwarding and masquerading, the CNI plugin and its configuration.

Usage: cnikit-agent [command] [options]
       cnikit-agent help COMMAND

Commands
  run       do so until SIGTERM or SIGINT, which leave everything in place (default)
  plan      print what run would change now (+ appears, - goes, ~ changes), and
            change nothing; exit status 0 when nothing differs, 3 otherwise
  apply     do that once and end (--once may be said)
  install   put the plugin's executable and its links into --cni-bin-dir and end;
            needs neither API server nor privileges
  doctor    look at the whole way of a pod's packets, and say in sentences what is
            wrong and what to do; changes nothing and sends a few packets to other
            nodes. Exit status 0 when nothing is wrong, 3 for warnings, 4 for
            failures
  status    this node's view of every node: its pod networks, the route to them and
            whether its next hop answers; exit status 3 when a route is not right
  rollback  put the plugin and the CNI configuration in place that were there before
            the present ones; they stay until the agent is another version
  cleanup   remove all that the agent made: configuration, plugin, rules, routes;
            needs no API server. Pods that run keep their interfaces
  version   print the version

Which node, which cluster
  --node-name NAME           metadata.name of this Node (default: $NODE_NAME)
  --kubeconfig FILE          how to reach the API server (default: the service
                             account of the pod that this runs in)
  --api-server URL           reach it here instead, for instance where the address
                             of its Service does not work before kube-proxy does

What to do
  --outside-interface NAME   the way out of the cluster (default: where each
                             family's default routes point)
  --encap MODE               how to reach nodes whose InternalIP is not on a link of
                             this node: auto (default) by a VXLAN tunnel, never, or
                             always: the others too. The same on all nodes
  --vxlan-name NAME          the tunnel's link (default: cnikit-vx; with a 6 behind
                             it where the outer packets are IPv6), its
  --vxlan-vni NUMBER         network identifier (default: 201) and its
  --vxlan-port NUMBER        UDP port (default: 4789); the last two the same on all
                             nodes
  --cluster-cidr CIDR        what the podCIDRs are taken from, if it is known: one
                             element of the set in place of all of them
  --service-cidr CIDR        addresses of Services, which are never masqueraded
  --non-masquerade-cidr CIDR destinations, besides pods and nodes, that see the
                             pod's own address. These three may be repeated
  --plugin-binary FILE       the plugin to install (default: the one that comes
                             with the agent)
  --plugin-links NAMES       plugins that the executable also serves under their
                             own name, where no other is installed (default: loopback,
                             which containerd needs; comma-separated, may be empty)
  --chain FILE               JSON list of plugin objects to chain behind ours, read
                             again when it changes
  --node-readiness-taint KEY remove the taint with this key of the Node once the data
                             path is programmed (needs permission to patch nodes)
  --leak-grace SECONDS       release what pods left over after so long (default: 300),
                             or off; nothing is while no container runtime runs
  --runtime-socket PATH      where the container runtime listens (default: where
                             containerd, k3s, k0s, CRI-O and cri-dockerd do)
  --resync-interval SECONDS  look at everything again after so long (default: 60);
                             changes are seen at once without it

What to print
  --json                     JSON instead of text: doctor, status
  --watch                    again and again until a signal: status
  --undo                     nothing is held any more, so that the agent installs its
                             own again: rollback

Where
  --cni-bin-dir DIR          default /opt/cni/bin
  --cni-conf-dir DIR         default /etc/cni/net.d
  --state-dir DIR            the last state seen, for a start without the API server
                             (default: /run/cnikit)
  --health-address HOST:PORT /healthz, /readyz, /metrics and /status, and for this
                             host /debug/cpu-profile?seconds=N, /debug/heap-snapshot
                             (default: 127.0.0.1:9470), or off
  --log-level LEVEL          trace, debug, info, warn, error, silent (default: info)

CNIKIT_IPTABLES_BACKEND=nft|legacy chooses the iptables to use (default: the one that
holds the rules of this host).
`;

const CLUSTER = ['node-name', 'kubeconfig', 'api-server'];
const TUNNEL = ['encap', 'vxlan-name', 'vxlan-vni', 'vxlan-port'];
const DIRS = ['cni-bin-dir', 'cni-conf-dir', 'state-dir'];
const RULES = ['cluster-cidr', 'service-cidr', 'non-masquerade-cidr'];
const FILES = ['plugin-binary', 'plugin-links', 'chain'];
const NODE = [...CLUSTER, 'outside-interface', ...TUNNEL, ...RULES, ...FILES];

/** The options that a command heeds; any other is taken and means nothing to it. */
const OPTIONS: Readonly<Record<Exclude<Command, 'help' | 'version'>, readonly string[]>> = {
  run: [
    ...NODE,
    ...['node-readiness-taint', 'leak-grace', 'runtime-socket', 'resync-interval'],
    ...DIRS,
    ...['health-address', 'log-level'],
  ],
  plan: [...NODE, ...DIRS],
  apply: [...NODE, ...DIRS, 'log-level'],
  install: ['plugin-binary', 'plugin-links', 'cni-bin-dir'],
  doctor: [...NODE, 'node-readiness-taint', 'runtime-socket', 'json', ...DIRS, 'health-address'],
  status: [...CLUSTER, 'outside-interface', ...TUNNEL, 'json', 'watch', 'state-dir', 'health-address'],
  rollback: ['undo', 'cni-bin-dir', 'cni-conf-dir'],
  cleanup: ['vxlan-name', 'plugin-links', ...DIRS],
};

/** The help of one command: what it does, and its options. */
export function helpOf(command: Command): string {
  if (command === 'help' || command === 'version') {
    return help;
  }
  const about = block(command).map((line) => line.replace(/^ {2}\S* *| {12}/, ''));
  const options = OPTIONS[command].flatMap((name) => block(`--${name}`));
  return `Usage: cnikit-agent ${command} [options]\n\n${about.join('\n')}\n\nOptions\n${options.join('\n')}\n`;
}

/** The lines of `help` about a command or option, from the one that begins with it. */
function block(word: string): string[] {
  const lines = help.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`  ${word} `));
  const length = lines.slice(from + 1).findIndex((line) => !line.startsWith('   '));
  return lines.slice(from, from + 1 + length);
}
