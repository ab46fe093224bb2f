import { basename, dirname } from 'node:path';
import { compareVersions, decodeResult, isVersion, latestVersion, type Result } from '@cnikit/cni-spec';
import { newAddress } from '@cnikit/netlink';
import { type Invocation, invoke } from './invoke.ts';
import { makeNetns, makeVeth, removeLink, removeNetns, within } from './netns.ts';
import { expect, skip } from './outcome.ts';
import type { Kind, PluginConfig } from './profile.ts';

/** A container to attach, with its own network namespace. */
export interface Container {
  id: string;
  /** Counts from 1. */
  number: number;
  netns: string;
  ifName: string;
  /** Host interface that chained plugins find. */
  host?: string;
  /** True when the namespace has been removed. */
  gone?: boolean;
}

/** Changes of a run. An undefined variable is left out of the environment. */
export interface RunOptions {
  env?: Record<string, string | undefined>;
  /** Merged into the configuration. An undefined key is left out. */
  conf?: Record<string, unknown>;
  version?: string;
  /** Standard input instead of the configuration. */
  stdin?: string;
}

const ADDRESS = '10.99.1.5/24';

/** The plugin under test, with its containers. */
export class Subject {
  readonly file: string;
  readonly config: PluginConfig;
  /** Every run so far. */
  readonly log: Invocation[] = [];
  readonly #path: string;
  readonly #highest: string;
  readonly #environment: Record<string, string>;
  #containers: Container[] = [];
  #count = 0;
  kind: Kind = 'interface';
  /** The versions that it claims to support. */
  versions: string[] = [];

  /** `searchPath` is the PATH of the plugin's environment. */
  constructor(
    file: string,
    { cniVersion, ...config }: PluginConfig,
    path: readonly string[],
    searchPath = '/usr/sbin:/usr/bin:/sbin:/bin',
  ) {
    this.file = file;
    this.config = config;
    this.#highest = isVersion(cniVersion) ? cniVersion : latestVersion;
    this.#path = [dirname(file), ...path].join(':');
    this.#environment = { PATH: searchPath };
  }

  /** The newest version that both sides support. */
  get version(): string {
    return this.testedVersions.at(-1) ?? latestVersion;
  }

  /** The versions to test, oldest first. The configuration can limit them to those of a delegate. */
  get testedVersions(): string[] {
    const known = this.versions.filter(
      (version) => isVersion(version) && compareVersions(version, this.#highest) <= 0,
    );
    return known.sort(compareVersions);
  }

  /** The capabilities that the configuration enables. */
  get capabilities(): string[] {
    const { capabilities = {} } = this.config as { capabilities?: Record<string, unknown> };
    return Object.keys(capabilities).filter((name) => capabilities[name] === true);
  }

  /** Skips the requirement unless the configuration has the capability. */
  needsCapability(name: string): void {
    if (!this.capabilities.includes(name)) {
      skip(`The configuration has no capability ${name}`);
    }
  }

  /** Skips the requirement unless the plugin supports a version that has the command. */
  needs(command: 'CHECK' | 'GC' | 'STATUS'): void {
    const since = command === 'CHECK' ? '0.4.0' : '1.1.0';
    if (compareVersions(this.version, since) < 0) {
      skip(`${command} requires version ${since}; the plugin was tested at ${this.version}`);
    }
  }

  /** Creates a container that exists until the end of the requirement. */
  container(suggested = 'eth0'): Container {
    const ifName = this.kind === 'loopback' ? 'lo' : suggested;
    const id = `cnt${process.pid}x${++this.#count}`;
    const container: Container = { id, number: this.#count, netns: makeNetns(id), ifName };
    if (this.kind === 'chained') {
      container.host = `cnth${this.#count}`;
      makeVeth(container.netns, ifName, container.host);
      within(container.netns, (rt) =>
        rt.request(newAddress({ index: rt.link({ name: ifName })!.index, address: ADDRESS })),
      );
    }
    this.#containers.push(container);
    return container;
  }

  /** Declares a further interface of a container. */
  another(container: Container, ifName: string): Container {
    const more = { ...container, ifName, gone: true };
    this.#containers.unshift(more);
    return more;
  }

  /** Deletes the attachment and the namespace of every container. */
  async cleanUp(): Promise<void> {
    for (const container of this.#containers) {
      const logged = this.log.length;
      await this.run('DEL', container).catch(() => undefined);
      this.log.length = logged;
      if (container.host) {
        removeLink(container.host);
      }
      this.removeNetns(container);
    }
    this.#containers = [];
  }

  /** Removes the namespace and keeps the attachment. */
  removeNetns(container: Container): void {
    if (container.gone) {
      return;
    }
    removeNetns(container.netns);
    container.gone = true;
  }

  /** Returns the configuration for standard input. */
  stdin(container: Container | undefined, { conf, version = this.version }: RunOptions = {}): string {
    const base = { cniVersion: version, name: 'conformance', type: basename(this.file), ...this.config };
    const previous =
      this.kind === 'chained' && container ? { prevResult: this.chainResult(container, version) } : {};
    return JSON.stringify({ ...base, ...this.#hostPorts(container), ...previous, ...conf });
  }

  /** Shifts the host ports: a host port has one owner, so each container requests another one. */
  #hostPorts(container: Container | undefined): PluginConfig {
    const { runtimeConfig } = this.config as { runtimeConfig?: { portMappings?: unknown } };
    if (container === undefined || !Array.isArray(runtimeConfig?.portMappings)) {
      return {};
    }
    const portMappings = runtimeConfig.portMappings.map((one: { hostPort?: unknown }) =>
      typeof one.hostPort === 'number' ? { ...one, hostPort: one.hostPort + container.number } : one,
    );
    return { runtimeConfig: { ...runtimeConfig, portMappings } };
  }

  /** Returns the result of an earlier plugin of the chain. */
  chainResult(container: Container, version: string) {
    const old = version.startsWith('0.') ? { version: '4' } : {};
    return {
      cniVersion: version,
      interfaces: [{ name: container.host }, { name: container.ifName, sandbox: container.netns }],
      ips: [{ ...old, address: ADDRESS, interface: 1 }],
    };
  }

  /** Runs a command as a container runtime does. */
  async run(command: string, container?: Container, options: RunOptions = {}): Promise<Invocation> {
    const env: Record<string, string | undefined> = {
      ...this.#environment,
      CNI_COMMAND: command,
      CNI_CONTAINERID: container?.id ?? '',
      CNI_NETNS: container?.netns ?? '',
      CNI_IFNAME: container?.ifName ?? '',
      CNI_PATH: this.#path,
      ...options.env,
    };
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const invocation = await invoke(
      this.file,
      Object.fromEntries(set),
      options.stdin ?? this.stdin(container, options),
    );
    this.log.push(invocation);
    expect(!invocation.timedOut, `${command} did not exit within 30 s`);
    return invocation;
  }

  /** Runs ADD, which must succeed. */
  async add(
    container: Container,
    options: RunOptions = {},
  ): Promise<{ document: Record<string, unknown>; result: Result }> {
    const invocation = await this.run('ADD', container, options);
    succeeded(invocation);
    const document = invocation.reply;
    expect(document !== undefined, `ADD did not print a single JSON object: ${short(invocation.stdout)}`);
    return { document, result: decodeResult(document, options.version ?? this.version) };
  }

  /** Runs DEL, which must succeed. */
  async del(container: Container, options: RunOptions = {}): Promise<void> {
    succeeded(await this.run('DEL', container, options));
  }

  /** Returns the names of all links. */
  links(netns?: string): string[] {
    return within(netns, (rt) => rt.links().map(({ name }) => name)).sort();
  }
}

/** Asserts that a run succeeded. */
export function succeeded(invocation: Invocation): void {
  expect(invocation.exitCode === 0, `${invocation.command} failed: ${describe(invocation)}`);
}

/** Asserts that a run failed with an error document, with one of the codes if any are given. Returns the code. */
export function failedWith(invocation: Invocation, ...codes: number[]): string {
  expect(invocation.exitCode !== 0, `${invocation.command} succeeded: ${describe(invocation)}`);
  const code = invocation.reply?.code;
  expect(
    typeof code === 'number',
    `${invocation.command} failed without an error document: ${describe(invocation)}`,
  );
  expect(
    codes.length === 0 || codes.includes(code),
    `code ${code} instead of ${codes.join(' or ')}: ${describe(invocation)}`,
  );
  return `code ${code}`;
}

/** Describes a run in one line. */
export function describe({ exitCode, stdout, stderr, reply }: Invocation): string {
  const output =
    reply && 'msg' in reply ? `code ${reply.code}, ${JSON.stringify(reply.msg)}` : short(stdout || stderr);
  return `exit ${exitCode}, ${output === '' ? 'no output' : output}`;
}

function short(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
