import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answers, RecordedCall } from '../recorder.ts';
import { expect, type Requirement, skip } from '../requirement.ts';
import {
  type Container,
  describe,
  failedWith,
  type RunOptions,
  type Subject,
  succeeded,
} from '../subject.ts';

const TYPE = 'cnikit-recorder';
const FAILURE = {
  exitCode: 1,
  stdout: JSON.stringify({ cniVersion: '1.0.0', code: 111, msg: 'The recorder was told to fail' }),
};

/** The plugin with the recorder in the place of its IPAM plugin. */
class Delegation {
  readonly #folder = mkdtempSync(join(tmpdir(), 'cnikit-recorder-'));
  readonly #subject: Subject;
  /** A good answer to ADD. */
  readonly result: string;

  constructor(subject: Subject, result: string) {
    this.#subject = subject;
    this.result = result;
    // By the package's name: where this file lies depends on how it was built.
    const program = fileURLToPath(import.meta.resolve('@cnikit/cni/recorder'));
    const executable = join(this.#folder, TYPE);
    writeFileSync(executable, `#!/bin/sh\nexec "${process.execPath}" "${program}" "${this.#folder}"\n`);
    chmodSync(executable, 0o755);
  }

  answer(answers: Answers): void {
    writeFileSync(join(this.#folder, 'answers.json'), JSON.stringify(answers));
    writeFileSync(join(this.#folder, 'calls.jsonl'), '');
  }

  calls(): RecordedCall[] {
    return readFileSync(join(this.#folder, 'calls.jsonl'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  options(more: RunOptions = {}): RunOptions {
    return {
      ...more,
      env: { CNI_PATH: this.#folder, ...more.env },
      conf: { ipam: { type: TYPE, stranger: 1 }, ...more.conf },
    };
  }

  run(command: string, container?: Container, more: RunOptions = {}) {
    return this.#subject.run(command, container, this.options(more));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** A result with an address that the plugin gives out anyway, so that it gets along with what is there. */
async function resultOf(subject: Subject): Promise<string> {
  const probe = subject.container();
  const { document } = await subject.add(probe);
  await subject.del(probe);
  const [ip] = (document.ips ?? []) as Record<string, unknown>[];
  const { interface: _, ...bare } = ip ?? { address: '10.96.0.5/24', gateway: '10.96.0.1' };
  return JSON.stringify({ cniVersion: subject.version, ips: [bare] });
}

/** Runs a body with the recorder in place; plugins with IPAM built in are not asked. */
async function delegating(
  subject: Subject,
  body: (delegation: Delegation) => Promise<string>,
): Promise<string> {
  if (subject.kind !== 'interface' || !subject.config.ipam) skip('The configuration names no IPAM plugin');
  const delegation = new Delegation(subject, await resultOf(subject));
  try {
    delegation.answer({ ADD: { stdout: delegation.result } });
    const probe = subject.container();
    const added = await delegation.run('ADD', probe);
    if (delegation.calls().length === 0)
      skip(`It does not run the plugin that ipam.type names: ${describe(added)}`);
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
    title: 'The IPAM plugin gets the same environment and the whole stdin',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.answer({ ADD: { stdout: ipam.result } });
        const container = subject.container();
        const more = {
          env: { CNI_ARGS: 'IgnoreUnknown=1;STRANGER=2' },
          conf: { 'cni.dev/stranger': [1], stranger: { a: 1 } },
        };
        succeeded(await ipam.run('ADD', container, more));
        const [call] = ipam.calls();
        const sent = JSON.parse(subject.stdin(container, ipam.options(more)));
        const got = JSON.parse(call!.stdin);
        for (const key of Object.keys(sent))
          expect(JSON.stringify(got[key]) === JSON.stringify(sent[key]), `${key} is not what was sent`);
        const wanted = {
          CNI_CONTAINERID: container.id,
          CNI_NETNS: container.netns,
          CNI_IFNAME: container.ifName,
          ...more.env,
        };
        for (const [name, value] of Object.entries(wanted))
          expect(call!.env[name] === value, `${name} is ${call!.env[name]}`);
        succeeded(await ipam.run('DEL', container, more));
        return 'both as they came';
      }),
  },
  {
    id: 'DELEG-3',
    level: 'SHOULD',
    title: 'An IPAM plugin that gives no address is an error',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.answer({ ADD: { stdout: JSON.stringify({ cniVersion: subject.version }) } });
        return failedWith(await ipam.run('ADD', subject.container()));
      }),
  },
  {
    id: 'DELEG-4',
    level: 'SHOULD',
    title: 'After a failed ADD of the IPAM plugin its DEL is run',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        ipam.answer({ ADD: FAILURE });
        failedWith(await ipam.run('ADD', subject.container()));
        const commands = ipam.calls().map(({ command }) => command);
        expect(commands.includes('DEL'), `it was run with ${commands.join(', ')}`);
        return commands.join(', ');
      }),
  },
  {
    id: 'DELEG-5',
    level: 'MUST',
    title:
      'CHECK, DEL, GC and STATUS are forwarded, DEL also without namespace, and their errors are returned (also GC-5, STATUS-2)',
    run: (subject) =>
      delegating(subject, async (ipam) => {
        const ok = { ADD: { stdout: ipam.result } };
        const commands = ['CHECK', 'DEL', ...(subject.version === '1.1.0' ? ['STATUS', 'GC'] : [])];
        const missing: string[] = [];
        for (const command of commands) {
          ipam.answer(ok);
          const container = subject.container();
          const added = await ipam.run('ADD', container);
          succeeded(added);
          ipam.answer({ ...ok, [command]: FAILURE });
          const env = command === 'DEL' ? { CNI_NETNS: '' } : {};
          const invocation = await ipam.run(command, container, { env, conf: { prevResult: added.reply } });
          const forwarded = ipam.calls().some((call) => call.command === command);
          if (!forwarded) missing.push(`${command} not forwarded`);
          else if (invocation.exitCode === 0)
            missing.push(`${command}'s error swallowed: ${describe(invocation)}`);
          ipam.answer(ok);
          await ipam.run('DEL', container);
        }
        expect(missing.length === 0, missing.join('; '));
        return commands.join(', ');
      }),
  },
];
