import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, skip } from '../outcome.ts';
import type { RecordedCall, Replies } from '../recorder.ts';
import type { Requirement } from '../requirement.ts';
import {
  type Container,
  describe,
  failedWith,
  type RunOptions,
  type Subject,
  succeeded,
} from '../subject.ts';

const TYPE = 'cnikit-recorder';
const UNREACHABLE = '203.0.113.1';
const FAILURE = {
  exitCode: 1,
  stdout: JSON.stringify({ cniVersion: '1.0.0', code: 111, msg: 'Scripted failure' }),
};

/** The plugin under test with the recorder as its IPAM plugin. */
class Delegation {
  readonly dir = mkdtempSync(join(tmpdir(), 'cnikit-recorder-'));
  readonly #subject: Subject;
  /** A valid result of ADD. */
  readonly result: string;

  constructor(subject: Subject, result: string) {
    this.#subject = subject;
    this.result = result;
    // The path of the recorder differs between source and build.
    const program = fileURLToPath(import.meta.resolve('@cnikit/cni/recorder'));
    const executable = join(this.dir, TYPE);
    writeFileSync(executable, `#!/bin/sh\nexec "${process.execPath}" "${program}" "${this.dir}"\n`);
    chmodSync(executable, 0o755);
  }

  /** CNI_PATH with directories that must be skipped before the one of the recorder. */
  get path(): string {
    const shadow = join(this.dir, 'shadow');
    mkdirSync(join(shadow, TYPE), { recursive: true });
    return ['/nonexistent', shadow, this.dir].join(':');
  }

  script(replies: Replies): void {
    writeFileSync(join(this.dir, 'replies.json'), JSON.stringify(replies));
    writeFileSync(join(this.dir, 'calls.jsonl'), '');
  }

  calls(): RecordedCall[] {
    return readFileSync(join(this.dir, 'calls.jsonl'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  options(more: RunOptions = {}): RunOptions {
    return {
      ...more,
      env: { CNI_PATH: this.dir, ...more.env },
      conf: { ipam: { type: TYPE, stranger: 1 }, ...more.conf },
    };
  }

  run(command: string, container?: Container, more: RunOptions = {}) {
    return this.#subject.run(command, container, this.options(more));
  }

  close(): void {
    rmSync(this.dir, { recursive: true });
  }
}

/** Returns a result with an address that the plugin assigns itself, so that it fits the existing bridge. */
async function resultOf(subject: Subject): Promise<string> {
  const probe = subject.container();
  const { document } = await subject.add(probe);
  await subject.del(probe);
  const [ip] = (document.ips ?? []) as Record<string, unknown>[];
  const { interface: _, ...bare } = ip ?? { address: '10.96.0.5/24', gateway: '10.96.0.1' };
  return JSON.stringify({ cniVersion: subject.version, ips: [bare] });
}

/** Runs a body with the recorder as IPAM plugin. Skips plugins that do not delegate. */
async function delegating(
  subject: Subject,
  body: (delegation: Delegation) => Promise<string>,
): Promise<string> {
  if (subject.kind !== 'interface' || !subject.config.ipam) {
    skip('The configuration names no IPAM plugin');
  }
  const delegation = new Delegation(subject, await resultOf(subject));
  try {
    delegation.script({ ADD: { stdout: delegation.result } });
    const probe = subject.container();
    const added = await delegation.run('ADD', probe);
    if (delegation.calls().length === 0) {
      skip(`The plugin does not run the one that ipam.type names: ${describe(added)}`);
    }
    await delegation.run('DEL', probe);
    return await body(delegation);
  } finally {
    delegation.close();
  }
}

export const delegation: Requirement[] = [
  {
    id: 'DELEG-1',
    level: 'MUST',
    title: 'The IPAM plugin receives the same environment and the complete stdin',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.script({ ADD: { stdout: ipam.result } });
        const container = subject.container();
        const more = {
          env: { CNI_ARGS: 'IgnoreUnknown=1;STRANGER=2' },
          conf: { 'cni.dev/stranger': [1], stranger: { a: 1 } },
        };
        succeeded(await ipam.run('ADD', container, more));
        const [call] = ipam.calls();
        const sent = JSON.parse(subject.stdin(container, ipam.options(more)));
        const got = JSON.parse(call!.stdin);
        for (const key of Object.keys(sent)) {
          expect(JSON.stringify(got[key]) === JSON.stringify(sent[key]), `the value of ${key} changed`);
        }
        const wanted = {
          CNI_CONTAINERID: container.id,
          CNI_NETNS: container.netns,
          CNI_IFNAME: container.ifName,
          ...more.env,
        };
        for (const [name, value] of Object.entries(wanted)) {
          expect(call!.env[name] === value, `${name} is ${call!.env[name]}`);
        }
        succeeded(await ipam.run('DEL', container, more));
        return 'both unchanged';
      }),
  },
  {
    id: 'ENV-11',
    level: 'ref',
    title: 'The IPAM plugin is the first regular file of its name in CNI_PATH',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.script({ ADD: { stdout: ipam.result } });
        const container = subject.container();
        succeeded(await ipam.run('ADD', container, { env: { CNI_PATH: ipam.path } }));
        expect(ipam.calls().length > 0, 'the IPAM plugin was not run');
        succeeded(await ipam.run('DEL', container, { env: { CNI_PATH: ipam.path } }));
        return 'found after a missing directory, and after one with a subdirectory of that name';
      }),
  },
  {
    id: 'CONF-10',
    level: 'MUST',
    title: 'ADD fails when ipam.type escapes the directories of CNI_PATH',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.script({ ADD: { stdout: ipam.result } });
        const type = `../${basename(ipam.dir)}/${TYPE}`;
        const code = failedWith(await ipam.run('ADD', subject.container(), { conf: { ipam: { type } } }));
        expect(ipam.calls().length === 0, 'the IPAM plugin was run');
        return code;
      }),
  },
  {
    id: 'DELEG-3b',
    level: 'SHOULD',
    title: 'ADD sets the interface of each IPAM address to the index of CNI_IFNAME',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.script({ ADD: { stdout: ipam.result } });
        const { result } = await subject.add(subject.container(), ipam.options());
        for (const { interface: index } of result.ips ?? []) {
          const to = index === undefined ? undefined : result.interfaces?.[index];
          expect(Boolean(to?.sandbox), `interface ${index} is ${to?.name ?? 'none'}`);
        }
        return `${result.ips?.length} addresses`;
      }),
  },
  {
    id: 'ADD-9b',
    level: 'SHOULD',
    title: 'ADD that fails after ADD of the IPAM plugin runs its DEL',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        // The kernel refuses the route: its gateway is not on-link.
        const routes = [{ dst: '192.0.2.0/24', gw: UNREACHABLE }];
        ipam.script({ ADD: { stdout: JSON.stringify({ ...JSON.parse(ipam.result), routes }) } });
        const added = await ipam.run('ADD', subject.container());
        if (added.exitCode === 0) {
          skip(`ADD accepts a route with an unreachable gateway: ${describe(added)}`);
        }
        const commands = ipam.calls().map(({ command }) => command);
        expect(commands.includes('DEL'), `the IPAM plugin was run with ${commands.join(', ')}`);
        return commands.join(', ');
      }),
  },
  {
    id: 'STATUS-2',
    level: 'SHOULD',
    title: 'STATUS returns the code of the IPAM plugin, and ADD after it succeeds (also STATUS-3)',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        subject.needs('STATUS');
        const stdout = JSON.stringify({ cniVersion: subject.version, code: 50, msg: 'Scripted: not ready' });
        ipam.script({ ADD: { stdout: ipam.result }, STATUS: { exitCode: 1, stdout } });
        const code = failedWith(await ipam.run('STATUS'), 50);
        const container = subject.container();
        succeeded(await ipam.run('ADD', container));
        succeeded(await ipam.run('DEL', container));
        return code;
      }),
  },
  {
    id: 'DELEG-2',
    level: 'MUST',
    title: 'ADD of an IPAM plugin does not return the prevResult of its stdin',
    async run(subject) {
      if (subject.kind !== 'ipam') {
        skip('Only for IPAM plugins');
      }
      const container = subject.container();
      const old = subject.version.startsWith('0.') ? { version: '4' } : {};
      const prevResult = {
        cniVersion: subject.version,
        interfaces: [{ name: 'tap0' }],
        ips: [{ ...old, address: '198.51.100.7/24', interface: 0 }],
      };
      const { result } = await subject.add(container, { conf: { prevResult } });
      expect(!result.interfaces?.length, 'the result has interfaces');
      const addresses = result.ips?.map(({ address }) => address) ?? [];
      expect(!addresses.includes('198.51.100.7/24'), `addresses ${addresses.join(', ')}`);
      return addresses.join(', ');
    },
  },
  {
    id: 'DELEG-3',
    level: 'SHOULD',
    title: 'ADD fails when the IPAM plugin returns no address',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.script({ ADD: { stdout: JSON.stringify({ cniVersion: subject.version }) } });
        return failedWith(await ipam.run('ADD', subject.container()));
      }),
  },
  {
    id: 'DELEG-4',
    level: 'SHOULD',
    title: 'ADD runs DEL of the IPAM plugin after its ADD failed',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.script({ ADD: FAILURE });
        failedWith(await ipam.run('ADD', subject.container()));
        const commands = ipam.calls().map(({ command }) => command);
        expect(commands.includes('DEL'), `the IPAM plugin was run with ${commands.join(', ')}`);
        return commands.join(', ');
      }),
  },
  {
    id: 'DELEG-5',
    level: 'MUST',
    title:
      'CHECK, DEL, GC and STATUS run the IPAM plugin, DEL even without a namespace, and return its errors (also GC-5, STATUS-2)',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        const ok = { ADD: { stdout: ipam.result } };
        const commands = ['CHECK', 'DEL', ...(subject.version === '1.1.0' ? ['STATUS', 'GC'] : [])];
        const missing: string[] = [];
        for (const command of commands) {
          ipam.script(ok);
          const container = subject.container();
          const added = await ipam.run('ADD', container);
          succeeded(added);
          ipam.script({ ...ok, [command]: FAILURE });
          const env = command === 'DEL' ? { CNI_NETNS: '' } : {};
          const invocation = await ipam.run(command, container, { env, conf: { prevResult: added.reply } });
          const forwarded = ipam.calls().some((call) => call.command === command);
          if (!forwarded) {
            missing.push(`${command} not forwarded`);
          } else if (invocation.exitCode === 0) {
            missing.push(`${command}'s error swallowed: ${describe(invocation)}`);
          }
          ipam.script(ok);
          await ipam.run('DEL', container);
        }
        expect(missing.length === 0, missing.join('; '));
        return commands.join(', ');
      }),
  },
];
