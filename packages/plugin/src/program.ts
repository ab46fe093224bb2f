import type { PluginIo, PluginOutput } from '@cnikit/cni-spec';
import { NETLINK_NETFILTER, type Sys } from '@cnikit/sys';
import { runCli } from './cli.ts';
import { sameNetns } from './netns/same-netns.ts';
import { pluginFor, plugins, type Run } from './plugins/index.ts';
import { restore } from './restore/restore.ts';
import { switchBack } from './switch-back/switch-back.ts';

/**
 * Maximum size of stdin, in bytes. A pod has up to 256 KiB of annotations (TotalAnnotationSizeLimitB of Kubernetes), where Go
 * escapes characters such as `<` with six bytes.
 */
const MAX_STDIN = 4 * 1024 * 1024;

/** The variables that the plugin reads. Delegates inherit the others. */
const OWN_VARIABLES = 'CNI_ PATH=';

/**
 * Returns the function that runs one invocation, from name, environment and stdin to stdout and exit code. Only that
 * function calls `sys`.
 */
export function programOver(sys: Sys): (argv: readonly string[]) => never {
  const all = plugins(keepingNetfilterOpen(sys));
  const isOwnNetns = (path: string) => sameNetns(sys, path);
  return (argv) => {
    const run = pluginFor(all, argv[0] ?? '');
    const env = sys.environ(OWN_VARIABLES);
    let stdin: string | undefined;
    const io = {
      env,
      stdin: () => {
        stdin ??= sys.readFdText(0, MAX_STDIN);
        return stdin;
      },
      sameNetns: isOwnNetns,
    };
    if (argv.length > 1 || !env.CNI_COMMAND) {
      return runCommand(argv.slice(1), run, io);
    }
    const output = run(io);
    if (output.stderr !== '') {
      sys.writeFdText(2, output.stderr);
    }
    try {
      if (output.stdout !== '') {
        sys.writeFdText(1, output.stdout);
      }
    } catch (error) {
      // The runtime did not receive the result, so ADD has failed.
      if (env.CNI_COMMAND === 'ADD') {
        run({ ...io, env: { ...env, CNI_COMMAND: 'DEL' } });
      }
      throw error;
    }
    return sys.exit(output.exitCode);
  };

  /** Runs the command line. Without a command it prints the plugin's description and the help. */
  function runCommand(args: readonly string[], run: Run, io: PluginIo): never {
    const about = args.length === 0 ? run(io).stderr : '';
    const [command, ...rest] = args;
    const { stdout, stderr, exitCode } = runNamed(command, rest, io) ?? runCli(args, [...all.keys()]);
    if (about + stderr !== '') {
      sys.writeFdText(2, about + stderr);
    }
    if (stdout !== '') {
      sys.writeFdText(1, stdout);
    }
    return sys.exit(exitCode);
  }

  function runNamed(
    command: string | undefined,
    rest: readonly string[],
    { env }: PluginIo,
  ): PluginOutput | undefined {
    switch (rest.includes('--help') ? undefined : command) {
      case 'restore':
        return restore(sys, env, all, rest);
      case 'switch-back':
        return switchBack(sys, env, rest);
      default:
        return undefined;
    }
  }
}

/**
 * Keeps netfilter sockets open until the process exits: close() blocks until the kernel has freed removed rules, about
 * 10 ms (net/netfilter/nf_tables_api.c, nft_rcv_nl_event). At the end of a DEL the kernel has done so while the link was
 * deleted.
 */
function keepingNetfilterOpen(sys: Sys): Sys {
  // Replaced, not changed: the array is in the executable's snapshot, whose pages are copied when they change.
  let kept: readonly number[] = [];
  return {
    ...sys,
    openNetlink(protocol, netnsFd) {
      const opened = sys.openNetlink(protocol, netnsFd);
      if (protocol === NETLINK_NETFILTER) {
        kept = [...kept, opened.fd];
      }
      return opened;
    },
    close(fd) {
      if (!kept.includes(fd)) {
        sys.close(fd);
      }
    },
  };
}
