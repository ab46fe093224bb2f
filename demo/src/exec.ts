import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { exitStatus } from '../../tools/process.mjs';
import type { KeptCluster, KeptPlace } from './kept.ts';
import { bold, cyan, dim, print } from './terminal.ts';

/** The command that runs another one in a place of a kept cluster, from a shell out here. */
export function enter(place: KeptPlace, argv: readonly string[]): string[] {
  const rights = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  const namespaces = ['--pid', '--mount', '--net', '--uts'];
  const node = ['nsenter', '--target', String(place.pid), ...rights, ...namespaces];
  return place.netns ? [...node, 'nsenter', `--net=${place.netns}`, ...argv] : [...node, ...argv];
}

/** Runs a command in a place; returns its exit status. */
export async function execIn(cluster: KeptCluster, name: string, argv: readonly string[]): Promise<number> {
  const place = cluster.places.find((one) => one.name === name);
  if (!place) {
    print(`There is no ${name} in the cluster, only: ${cluster.places.map((one) => one.name).join(' ')}`);
    return 2;
  }
  const [file = '', ...args] = enter(place, argv.length > 0 ? argv : ['bash']);
  const child = spawn(file, args, { stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  return exitStatus(code, signal);
}

/** Prints how to look around in a kept cluster. */
export function printHelp({ places }: KeptCluster): void {
  const command = (text: string, what: string) => print(`  ${cyan(text.padEnd(62))} ${dim(what)}`);
  print();
  print(`${bold('The cluster is up.')} What there is in it:`);
  print();
  for (const { name, kind, addresses } of places) {
    print(
      `  ${bold(name.padEnd(8))} ${dim(kind.padEnd(8))} ${addresses
        .map((ip) => ip.padEnd(15))
        .join(' ')
        .trimEnd()}`,
    );
  }
  print();
  const exec = 'npm run demo -- exec';
  command(`${exec} n1 ip route`, 'the routes of a node: protocol 201 is the agent');
  command(`${exec} n1 iptables-save -t nat`, 'its masquerading');
  command(`${exec} n1 cat /etc/cni/net.d/05-cnikit.conflist`, 'what the agent wrote for the runtime');
  command(`${exec} n1 ls /run/cnikit/ipam/cnikit`, 'the addresses in use');
  command(`${exec} n1 cat /run/log/cnikit-agent.log`, "the agent's log");
  command(`${exec} n1-a ip address`, 'a pod');
  command(`${exec} n1-a ping 203.0.113.2`, 'from a pod to the world');
  command(`${exec} n1`, 'a shell on a node');
  command('npm run demo -- down', 'takes it all away');
  const n1 = places.find(({ name }) => name === 'n1');
  if (!n1) {
    return;
  }
  print();
  print(dim('The same without npm:'));
  print(`  ${cyan(enter(n1, ['ip', 'route']).join(' '))}`);
}
