/**
 * A program that runs a correct plugin with faults. Arguments: the name of a plugin of complete-plugins.ts, and the
 * faults, separated by commas.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { dispatch } from '@cnikit/cni-spec';
import { NetlinkError, newLink, openRtnetlink } from '@cnikit/netlink';
import { bases } from './complete-plugins.ts';

/** Input of a plugin. */
interface Call {
  command: string;
  env: NodeJS.ProcessEnv;
  stdin: string;
}

/** Input and output of a plugin. */
interface Run extends Call {
  exitCode: number;
  stdout: string;
}

type Document = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: configurations and results have any shape here
type Json = any;

/** A fault changes the input of the plugin, its output, or both. */
interface Fault {
  before?: (call: Call) => Call;
  after?: (run: Run) => Run;
}

const edit = (run: Run, change: (document: Json) => void): Run => {
  if (!run.stdout) {
    return run;
  }
  const document = JSON.parse(run.stdout);
  change(document);
  return { ...run, stdout: JSON.stringify(document) };
};
const onAdd = (change: (document: Json) => void): Fault => ({
  after: (run) => (run.command === 'ADD' && run.exitCode === 0 ? edit(run, change) : run),
});
const onError = (change: (document: Document) => void): Fault => ({
  after: (run) => (run.exitCode ? edit(run, change) : run),
});
const fail = (run: Run): Run => ({
  ...run,
  exitCode: 1,
  stdout: '{"cniVersion":"1.0.0","code":999,"msg":"Faulty"}',
});
const succeed = (run: Run): Run => ({ ...run, exitCode: 0, stdout: '' });
const failsIf = (condition: (call: Call) => boolean): Fault => ({
  after: (run) => (condition(run) ? fail(run) : run),
});
const succeedsIf = (condition: (run: Run) => boolean): Fault => ({
  after: (run) => (condition(run) ? succeed(run) : run),
});
const forgives = (code: number): Fault =>
  succeedsIf((run) => run.exitCode !== 0 && run.stdout.includes(`"code":${code},`));
/** Changes the configuration that the plugin reads. */
const reads = (change: (conf: Json, call: Call) => void): Fault => ({
  before: (call) => {
    const conf = parsed(call.stdin);
    if (!conf) {
      return call;
    }
    change(conf, call);
    return { ...call, stdin: JSON.stringify(conf) };
  },
});
const readsEnv = (change: (env: NodeJS.ProcessEnv, call: Call) => NodeJS.ProcessEnv): Fault => ({
  before: (call) => ({ ...call, env: change(call.env, call) }),
});

const LISTS = ['cni.dev/valid-attachments', 'cni.dev/attachments'];
const POISON = '/run/poison';

export const faults: Record<string, Fault> = {
  none: {},
  'logs-on-stdout': {
    after: (run) => (run.command === 'ADD' ? { ...run, stdout: `hello\n${run.stdout}` } : run),
  },
  'wrong-version': onAdd((result) => (result.cniVersion = '0.4.0')),
  'wrong-sandbox': onAdd((result) => {
    for (const one of result.interfaces) {
      if (one.sandbox) {
        one.sandbox = '/proc/1/ns/net';
      }
    }
  }),
  'bad-index': onAdd((result) => (result.ips = [{ address: '10.1.0.2/24', interface: 7 }])),
  'errors-exit-0': { after: (run) => ({ ...run, exitCode: 0 }) },
  'text-errors': { after: (run) => (run.exitCode ? { ...run, stdout: 'it failed' } : run) },
  'code-as-text': onError((error) => (error.code = String(error.code))),
  'reserved-code': onError((error) => (error.code = 42)),
  'del-once': failsIf(({ command, env }) => command === 'DEL' && !env.CNI_NETNS),
  'check-blind': succeedsIf(({ command }) => command === 'CHECK'),
  'check-fails': failsIf(({ command }) => command === 'CHECK'),
  'status-speaks': {
    after: (run) => (run.command === 'STATUS' ? { ...run, stdout: '{"ready":true}' } : run),
  },
  'gc-fails': failsIf(({ command }) => command === 'GC'),
  'any-version': forgives(1),
  'any-name': forgives(7),
  'any-stdin': forgives(6),
  'any-env': forgives(4),
  'version-needs-stdin': failsIf(({ command, stdin }) => command === 'VERSION' && stdin === ''),

  'minds-strangers': failsIf(({ env }) => env.TRACEPARENT !== undefined),
  'version-needed': failsIf(({ command, stdin }) => command === 'ADD' && !parsed(stdin)?.cniVersion),
  'minds-escapes': failsIf(({ stdin }) => stdin.includes('\\u003c')),
  'old-shape': onAdd((result) => {
    for (const ip of result.ips ?? []) {
      ip.version = '4';
    }
  }),
  'keeps-bridge': {
    after: (run) => {
      if (run.command === 'ADD' && run.exitCode === 0) {
        makeBridge(`left${run.env.CNI_CONTAINERID?.slice(-8)}`);
      }
      return run;
    },
  },
  'one-address': onAdd((result) => {
    for (const ip of result.ips ?? []) {
      ip.address = '10.99.0.2/26';
    }
  }),
  'del-takes-all': {
    after: (run) => {
      if (run.command === 'DEL') {
        for (const CNI_IFNAME of ['eth0', 'net1']) {
          ask({ ...run, env: { ...run.env, CNI_IFNAME } });
        }
      }
      return run;
    },
  },
  'never-frees': reads((conf, { command }) => {
    if (command === 'DEL') {
      conf.name = 'elsewhere';
    }
  }),
  'del-needs-config': failsIf(({ command, stdin }) => command === 'DEL' && parsed(stdin)?.mtu === 1300),
  'check-minds-mac': failsIf(
    ({ command, stdin }) => command === 'CHECK' && stdin.includes('02:00:00:00:00:77'),
  ),
  'check-minds-addresses': failsIf(
    ({ command, stdin }) => command === 'CHECK' && stdin.includes('198.51.100.7'),
  ),
  'check-minds-interfaces': failsIf(({ command, stdin }) => command === 'CHECK' && stdin.includes('tap0')),
  'drops-foreign': onAdd((result) => {
    result.interfaces = result.interfaces.filter(({ name }: { name: string }) => name !== 'tap0');
  }),
  'gc-frees-all': reads((conf, { command }) => {
    if (command === 'GC') {
      for (const key of LISTS) {
        conf[key] = [];
      }
    }
  }),
  'gc-blind': reads((conf, { command }) => {
    if (command === 'GC') {
      for (const key of LISTS) {
        delete conf[key];
      }
    }
  }),
  'status-blind': succeedsIf(({ command }) => command === 'STATUS'),
  'status-poisons': {
    before: (call) => (call.command === 'ADD' && existsSync(POISON) ? { ...call, stdin: '' } : call),
    after: (run) => {
      if (run.command === 'STATUS' && run.exitCode !== 0) {
        writeFileSync(POISON, '');
      }
      return run;
    },
  },
  'status-makes-links': {
    after: (run) => {
      if (run.command === 'STATUS') {
        makeBridge('status0');
      }
      return run;
    },
  },
  'args-over-runtime': reads((conf) => {
    if (conf.runtimeConfig?.mac) {
      conf.runtimeConfig.mac = conf.args?.cni?.mac ?? conf.runtimeConfig.mac;
    }
  }),
  'ignores-ip': readsEnv((env) => ({ ...env, CNI_ARGS: env.CNI_ARGS?.replace(/;IP=.*/, '') })),
  'exact-keys': reads(({ runtimeConfig }) => {
    if (runtimeConfig?.dns?.Servers) {
      delete runtimeConfig.dns;
    }
  }),
  'ignores-runtime': reads((conf) => delete conf.runtimeConfig),
  'minds-null': failsIf(({ stdin }) => /"runtimeConfig":\{"\w+":null\}/.test(stdin)),
  'echoes-previous': {
    after: (run) => {
      const { prevResult } = parsed(run.stdin) ?? {};
      return run.command === 'ADD' && prevResult ? { ...run, stdout: JSON.stringify(prevResult) } : run;
    },
  },
  'edits-stdin': reads((conf) => delete conf['cni.dev/stranger']),
  'first-folder-only': readsEnv((env) => ({ ...env, CNI_PATH: env.CNI_PATH?.split(':')[0] ?? '' })),
  'any-type': reads((conf) => {
    if (conf.ipam) {
      conf.ipam.type = basename(conf.ipam.type);
    }
  }),
  'no-index': onAdd((result) => {
    for (const ip of result.ips ?? []) {
      delete ip.interface;
    }
  }),
  'no-addresses': succeedsIf(
    ({ command, exitCode, stdout }) => command === 'ADD' && exitCode !== 0 && !stdout.includes('Faulty'),
  ),
  'no-cleanup': {
    before: (call) => {
      const type = parsed(call.stdin)?.ipam?.type;
      if (call.command !== 'ADD' || !type) {
        return call;
      }
      const delegate = spawnSync(`${call.env.CNI_PATH?.split(':')[0]}/${type}`, {
        env: call.env,
        input: call.stdin,
        encoding: 'utf8',
      });
      const broken = delegate.status !== 0 || delegate.stdout.includes('203.0.113.1');
      return broken ? { ...call, stdin: '' } : call;
    },
  },
};

const [base = '', names = ''] = process.argv.slice(2);
const { plugin } = bases[base] ?? {};
if (plugin) {
  const chosen = names.split(',').map((name) => faults[name] as Fault);
  let call: Call = {
    command: process.env.CNI_COMMAND ?? '',
    env: process.env,
    stdin: readFileSync(0, 'utf8'),
  };
  for (const fault of chosen) {
    call = fault.before?.(call) ?? call;
  }
  const { stderr, ...answer } = ask(call);
  let run: Run = { ...call, ...answer };
  for (const fault of chosen) {
    run = fault.after?.(run) ?? run;
  }
  process.stderr.write(stderr);
  process.stdout.write(run.stdout);
  process.exitCode = run.exitCode;
}

function ask({ env, stdin }: Call) {
  return dispatch(plugin!, {
    env,
    stdin,
    sameNetns: (path) => realpath(path) === realpath('/proc/self/ns/net'),
  });
}

function makeBridge(name: string): void {
  const rt = openRtnetlink();
  try {
    rt.request(newLink({ kind: 'bridge', name }));
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'EEXIST')) {
      throw error;
    }
  } finally {
    rt.close();
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the text of a namespace link, which contains the inode. */
function realpath(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
