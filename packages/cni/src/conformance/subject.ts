import { basename, dirname } from 'node:path';
import { compareVersions, decodeResult, isVersion, latestVersion, type Result } from '@cnikit/cni-spec';
import { newAddress } from '@cnikit/netlink';
import { type Invocation, invoke } from './invoke.ts';
import { makeNetns, makeVeth, removeLink, removeNetns, within } from './netns.ts';
import { expect, skip } from './outcome.ts';
import type { Kind, PluginConfig } from './profile.ts';

/** A container to attach: an ID, a namespace of its own, an interface name. */
export interface Container {
  id: string;
  /** Counted from 1. */
  number: number;
  netns: string;
  ifName: string;
  /** The interface that chained plugins find, on the host. */
  host?: string;
  /** The namespace was taken away. */
  gone?: boolean;
}

/** What to change about a run. A variable that is undefined is left out of the environment. */
export interface RunOptions {
  env?: Record<string, string | undefined>;
  /** Added to the configuration. A key that is undefined is left out. */
  conf?: Record<string, unknown>;
  version?: string;
  /** The whole of stdin instead of the configuration. */
  stdin?: string;
}

const ADDRESS = '10.99.1.5/24';

/** The plugin under test, in a world of its own. */
export class Subject {
  readonly file: string;
  readonly config: PluginConfig;
  /** Every run so far. */
  readonly log: Invocation[] = [];
  readonly #folders: string;
  readonly #highest: string;
  readonly #environment: Record<string, string>;
  #containers: Container[] = [];
  #count = 0;
  kind: Kind = 'interface';
  /** The versions it says it supports. */
  versions: string[] = [];

  constructor(file: string, { cniVersion, ...config }: PluginConfig, folders: readonly string[]) {
    this.file = file;
    this.config = config;
    this.#highest = isVersion(cniVersion) ? cniVersion : latestVersion;
    this.#folders = [dirname(file), ...folders].join(':');
    this.#environment = { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' };
  }

  /** The newest version that both sides speak. */
  get version(): string {
    return this.tryable.at(-1) ?? latestVersion;
  }

  /** The versions to try, oldest first: a delegate may speak fewer than the plugin, so the configuration can set a limit. */
  get tryable(): string[] {
    const known = this.versions.filter(
      (version) => isVersion(version) && compareVersions(version, this.#highest) <= 0,
    );
    return known.sort(compareVersions);
  }

  /** The capabilities that the configuration has set. */
  get capabilities(): string[] {
    const { capabilities = {} } = this.config as { capabilities?: Record<string, unknown> };
    return Object.keys(capabilities).filter((name) => capabilities[name] === true);
  }

  /** Skips unless the configuration has the capability. */
  hasCapability(name: string): void {
    if (!this.capabilities.includes(name)) {
      skip(`The configuration has no capability ${name}`);
    }
  }

  /** Skips unless the plugin speaks a version that has the command. */
  needs(command: 'CHECK' | 'GC' | 'STATUS'): void {
    const since = command === 'CHECK' ? '0.4.0' : '1.1.0';
    if (compareVersions(this.version, since) < 0) {
      skip(`Tried at ${this.version}, ${command} came with ${since}`);
    }
  }

  /** A container that is there until the requirement is done. */
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

  /** A further interface of a container, gone with it. */
  another(container: Container, ifName: string): Container {
    const more = { ...container, ifName, gone: true };
    this.#containers.unshift(more);
    return more;
  }

  /** Deletes every container's attachment and namespace, whatever the requirement left. */
  async cleanUp(): Promise<void> {
    for (const container of this.#containers) {
      const quiet = this.log.length;
      await this.run('DEL', container).catch(() => undefined);
      this.log.length = quiet;
      if (container.host) {
        removeLink(container.host);
      }
      this.removeNetns(container);
    }
    this.#containers = [];
  }

  /** Takes the namespace away while the attachment stays. */
  removeNetns(container: Container): void {
    if (container.gone) {
      return;
    }
    removeNetns(container.netns);
    container.gone = true;
  }

  /** The configuration on stdin, for a container where that matters. */
  stdin(container: Container | undefined, { conf, version = this.version }: RunOptions = {}): string {
    const base = { cniVersion: version, name: 'conformance', type: basename(this.file), ...this.config };
    const previous =
      this.kind === 'chained' && container ? { prevResult: this.chainResult(container, version) } : {};
    return JSON.stringify({ ...base, ...this.#hostPorts(container), ...previous, ...conf });
  }

  /** A port of the node has one owner, so each container asks for one of its own. */
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

  /** What some earlier plugin of the chain would have said. */
  chainResult(container: Container, version: string) {
    const old = version.startsWith('0.') ? { version: '4' } : {};
    return {
      cniVersion: version,
      interfaces: [{ name: container.host }, { name: container.ifName, sandbox: container.netns }],
      ips: [{ ...old, address: ADDRESS, interface: 1 }],
    };
  }

  /** Runs a command as a runtime would. */
  async run(command: string, container?: Container, options: RunOptions = {}): Promise<Invocation> {
    const env: Record<string, string | undefined> = {
      ...this.#environment,
      CNI_COMMAND: command,
      CNI_CONTAINERID: container?.id ?? '',
      CNI_NETNS: container?.netns ?? '',
      CNI_IFNAME: container?.ifName ?? '',
      CNI_PATH: this.#folders,
      ...options.env,
    };
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const invocation = await invoke(
      this.file,
      Object.fromEntries(set),
      options.stdin ?? this.stdin(container, options),
    );
    this.log.push(invocation);
    expect(!invocation.timedOut, `${command} did not end within 30 s`);
    return invocation;
  }

  /** ADD that has to succeed. */
  async add(
    container: Container,
    options: RunOptions = {},
  ): Promise<{ document: Record<string, unknown>; result: Result }> {
    const invocation = await this.run('ADD', container, options);
    succeeded(invocation);
    const document = invocation.reply;
    expect(document !== undefined, `ADD printed what is not one JSON object: ${short(invocation.stdout)}`);
    return { document, result: decodeResult(document, options.version ?? this.version) };
  }

  /** DEL that has to succeed. */
  async del(container: Container, options: RunOptions = {}): Promise<void> {
    succeeded(await this.run('DEL', container, options));
  }

  /** The names of all links. */
  links(netns?: string): string[] {
    return within(netns, (rt) => rt.links().map(({ name }) => name)).sort();
  }
}

/** Refuses a run that failed. */
export function succeeded(invocation: Invocation): void {
  expect(invocation.exitCode === 0, `${invocation.command} failed: ${describe(invocation)}`);
}

/** Refuses a run that did not fail with an error document of one of the codes; any code if none is given. */
export function failedWith(invocation: Invocation, ...codes: number[]): string {
  expect(invocation.exitCode !== 0, `${invocation.command} succeeded: ${describe(invocation)}`);
  const code = invocation.reply?.code;
  expect(
    typeof code === 'number',
    `${invocation.command} failed without an error document: ${describe(invocation)}`,
  );
  expect(
    codes.length === 0 || codes.includes(code),
    `code ${code}, not ${codes.join(' or ')}: ${describe(invocation)}`,
  );
  return `code ${code}`;
}

/** One line of what a run said. */
export function describe({ exitCode, stdout, stderr, reply }: Invocation): string {
  const said =
    reply && 'msg' in reply ? `code ${reply.code}, ${JSON.stringify(reply.msg)}` : short(stdout || stderr);
  return `exit ${exitCode}, ${said === '' ? 'silent' : said}`;
}

function short(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
