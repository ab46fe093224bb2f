import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { exitStatus } from '../../tools/process.mjs';
import type { Session, SessionNamespace } from './session.ts';
import { bold, cyan, dim, print } from './terminal.ts';

/** Returns the command that runs `argv` in a namespace of a kept cluster, from a shell of the host. */
export function enter({ pid, netns }: SessionNamespace, argv: readonly string[]): string[] {
  const rights = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  const namespaces = ['--pid', '--mount', '--net', '--uts'];
  const node = ['nsenter', '--target', String(pid), ...rights, ...namespaces];
  return netns ? [...node, 'nsenter', `--net=${netns}`, ...argv] : [...node, ...argv];
}

/** Runs a command in a node, a pod or the outside host. Returns its exit status. */
export async function execIn(
  { namespaces }: Session,
  name: string,
  argv: readonly string[],
): Promise<number> {
  const namespace = namespaces.find((one) => one.name === name);
  if (!namespace) {
    print(`Unknown name "${name}": the cluster has ${namespaces.map((one) => one.name).join(', ')}`);
    return 2;
  }
  const [file = '', ...args] = enter(namespace, argv.length > 0 ? argv : ['bash']);
  const child = spawn(file, args, { stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  return exitStatus(code, signal);
}

/** Prints the parts of a kept cluster and commands to inspect them. */
export function printHelp({ namespaces }: Session): void {
  const command = (text: string, what: string) => print(`  ${cyan(text.padEnd(62))} ${dim(what)}`);
  print();
  print(`${bold('The cluster is up.')} Its nodes and pods:`);
  print();
  for (const { name, kind, addresses } of namespaces) {
    print(
      `  ${bold(name.padEnd(8))} ${dim(kind.padEnd(8))} ${addresses
        .map((ip) => ip.padEnd(15))
        .join(' ')
        .trimEnd()}`,
    );
  }
  print();
  const exec = 'npm run demo -- exec';
  command(`${exec} n1 ip route`, "a node's routes; the agent's have protocol 201");
  command(`${exec} n1 nft list table inet cnikit-agent`, 'its masquerade rules');
  command(`${exec} n1 cat /etc/cni/net.d/05-cnikit.conflist`, 'the configuration for the container runtime');
  command(`${exec} n1 ls /run/cnikit/ipam/cnikit`, 'the reserved addresses');
  command(`${exec} n1 cat /run/log/cnikit-agent.log`, "the agent's log");
  command(`${exec} n1-a ip address`, 'a pod');
  command(`${exec} n1-a ping 203.0.113.2`, 'from a pod to the outside');
  command(`${exec} n1`, 'a shell on a node');
  command('npm run demo -- down', 'removes the cluster');
  const n1 = namespaces.find(({ name }) => name === 'n1');
  if (!n1) {
    return;
  }
  print();
  print(dim('The same without npm:'));
  print(`  ${cyan(enter(n1, ['ip', 'route']).join(' '))}`);
}
