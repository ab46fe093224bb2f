import type { PluginIo } from '@cnikit/cni-spec';
import { AF_NETLINK, NETLINK_NETFILTER, type Sys } from '@cnikit/sys';
import { runCli } from './cli.ts';
import { sameNetns } from './netns/same-netns.ts';
import { pluginFor, plugins, type Run } from './plugins/index.ts';

/**
 * One invocation as a runtime sees it, from name, environment and stdin to stdout and exit code. Nothing is asked of
 * `sys` before the function that it gives is called.
 */
export function programOver(sys: Sys): (argv: readonly string[]) => never {
  const all = plugins(keepingNetfilterOpen(sys));
  return (argv) => {
    const run = pluginFor(all, argv[0] ?? '');
    const env = sys.environ();
    let stdin: string | undefined;
    const io = {
      env,
      stdin: () => {
        stdin ??= sys.readFdText(0);
        return stdin;
      },
      sameNetns: (path: string) => sameNetns(sys, path),
    };
    const words = argv.slice(1);
    if (words.length > 0 || !env.CNI_COMMAND) {
      return answerPerson(words, run, io);
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
      // A result that reached nobody is an ADD that failed.
      if (env.CNI_COMMAND === 'ADD') {
        run({ ...io, env: { ...env, CNI_COMMAND: 'DEL' } });
      }
      throw error;
    }
    return sys.exit(output.exitCode);
  };

  /** Without a command it says what every plugin says then, and what else there is. */
  function answerPerson(words: readonly string[], run: Run, io: PluginIo): never {
    const about = words.length === 0 ? run(io).stderr : '';
    const { stdout, stderr, exitCode } = runCli(words, [...all.keys()]);
    if (about + stderr !== '') {
      sys.writeFdText(2, about + stderr);
    }
    if (stdout !== '') {
      sys.writeFdText(1, stdout);
    }
    return sys.exit(exitCode);
  }
}

/**
 * Leaves connections to netfilter to the end of the process. Who closes one waits until the kernel has freed what
 * transactions removed, some 10 ms (net/netfilter/nf_tables_api.c, nft_rcv_nl_event); at the end of a DEL that has
 * happened while the link was deleted.
 */
function keepingNetfilterOpen(sys: Sys): Sys {
  const kept = new Set<number>();
  return {
    ...sys,
    socket(domain, type, protocol, netnsFd) {
      const fd = sys.socket(domain, type, protocol, netnsFd);
      if (domain === AF_NETLINK && protocol === NETLINK_NETFILTER) {
        kept.add(fd);
      }
      return fd;
    },
    close(fd) {
      if (!kept.has(fd)) {
        sys.close(fd);
      }
    },
  };
}
