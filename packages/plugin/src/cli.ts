/** The command line of the executable, for a person who runs it; a runtime passes no arguments. */
import { type PluginOutput, supportedVersions } from '@cnikit/cni-spec';
import packageJson from '../package.json' with { type: 'json' };

/**
 * Runs one command.
 *
 * @param args arguments after the program's name
 * @param names names of the plugins in the executable
 */
export function runCli(args: readonly string[], names: readonly string[]): PluginOutput {
  const command = args.includes('--help') ? '--help' : args[0];
  switch (command) {
    case 'version':
    case '--version':
      return print(`cnikit ${packageJson.version}\nCNI ${supportedVersions.join(', ')}\n`);
    case 'help':
    case '--help':
    case '-h':
      return print(help(names));
    case undefined:
      return { stdout: '', stderr: `\n${help(names)}`, exitCode: 0 };
    default:
      return { stdout: '', stderr: `Unknown command "${command}"\n\n${help(names)}`, exitCode: 2 };
  }
}

function print(stdout: string): PluginOutput {
  return { stdout, stderr: '', exitCode: 0 };
}

function help(names: readonly string[]): string {
  return `This is a CNI plugin. A container runtime executes it for each pod, with the verb in CNI_COMMAND and
the network configuration on stdin. It acts as the plugin whose name it is invoked by:
${names.join(', ')}.

  cnikit version       print the version and the supported CNI versions
  cnikit restore       make links and rules of running pods again that another program removed
      --cache-dir DIR  where the runtime keeps the results of ADD; default: /var/lib/cni
      --json           print the restored attachments as JSON
  cnikit switch-back   move ipMasq rules and host ports of running pods to the form that the reference
                       plugins delete, before these replace cnikit on the node
      --backend B      iptables or nftables; default: iptables if it is installed
      --data-dir DIR   ipam.dataDir of the networks; default: /var/lib/cni/networks
  cnikit --help        print this help

To attach one pod manually, as a runtime does:
  ip netns add try
  export CNI_CONTAINERID=try CNI_NETNS=/run/netns/try CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin
  CNI_COMMAND=ADD ./bridge < FILE
  CNI_COMMAND=DEL ./bridge < FILE

\`cnikit-cni explain FILE\` (npm package @cnikit/cni) describes what ADD does for a configuration.
`;
}
