import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type DualStack, podCidrs } from './addressing.ts';
import { must } from './command.ts';
import { type Holder, startHolder } from './holder.ts';
import { Namespace, type StartOptions } from './namespace.ts';
import { Pod } from './pod.ts';
import { loadConfList } from './runtime.ts';

/** Directories that each node has separately, so that runtimes and plugins of two nodes share no files. */
const OWN_DIRECTORIES = ['/run', '/etc/cni', '/opt/cni', '/var/lib/cni'];

/** Parameters of {@link LabNode.create}. */
export interface NodeSpec {
  name: string;
  /** Counts from 1. The podCIDRs follow from it. */
  number: number;
  far: boolean;
  address: DualStack;
  /** Address of the router in the node's network. */
  gateway: DualStack;
  /** Prefix lengths of the node's network. */
  prefix: { readonly ipv4: number; readonly ipv6: number };
  /** The bridge in this process's namespace that the node's eth0 is plugged into. */
  bridge: string;
}

/** A node: its own network, mount and UTS namespaces, eth0 on a bridge of the lab, the router as default gateway. */
export class LabNode extends Namespace {
  readonly address: DualStack;
  /** True when the node is in the `far` network. */
  readonly far: boolean;
  /** The podCIDRs that a cluster would assign to the node. */
  readonly podCidrs: DualStack;
  /** Id, in the sandbox, of the process that holds the namespaces. */
  readonly pid: number;
  readonly #holder: Holder;
  readonly #port: string;
  readonly #pods = new Map<string, Pod>();
  readonly #started = new Set<ChildProcess>();

  private constructor(spec: NodeSpec, holder: Holder, port: string) {
    super(spec.name, ['nsenter', '--target', String(holder.pid), '--net', '--mount', '--uts']);
    this.address = spec.address;
    this.far = spec.far;
    this.podCidrs = podCidrs(spec.number);
    this.pid = holder.pid;
    this.#holder = holder;
    this.#port = port;
  }

  static async create(spec: NodeSpec): Promise<LabNode> {
    const holder = await startHolder(['--net', '--mount', '--uts']);
    const port = `lab-${spec.number}`;
    const node = new LabNode(spec, holder, port);
    await node.must(['hostname', spec.name]);
    for (const directory of OWN_DIRECTORIES) {
      await node.must(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', directory]);
    }
    await node.must(['mkdir', '-p', '/etc/cni/net.d', '/opt/cni/bin', '/run/netns', '/run/log']);
    // sysfs of this network namespace. Some containers forbid the mount; nothing here depends on it.
    await node.exec(['mount', '-t', 'sysfs', 'sysfs', '/sys']);
    await must(['ip', '-batch', '-'], {
      input: `link add ${port} type veth peer name eth0 netns ${holder.pid}
link set ${port} master ${spec.bridge} up
`,
    });
    await node.withoutDad('eth0');
    const { prefix, gateway } = spec;
    await node.ip(
      'link set lo up',
      `address add ${spec.address.ipv4}/${prefix.ipv4} dev eth0`,
      `address add ${spec.address.ipv6}/${prefix.ipv6} dev eth0`,
      'link set eth0 up',
      `route add default via ${gateway.ipv4} dev eth0`,
      `route add ::/0 via ${gateway.ipv6} dev eth0`,
    );
    return node;
  }

  /** Returns the path of a file of the node as this process sees it. */
  path(file: string): string {
    return `/proc/${this.pid}/root${file}`;
  }

  /** The current pods by name. */
  get pods(): ReadonlyMap<string, Pod> {
    return this.#pods;
  }

  /**
   * Creates a pod as a container runtime does: a network namespace, then ADD of each plugin in the node's conflist.
   *
   * @throws {LabError} NO_CONFLIST when the node has none, PLUGIN_FAILED with the plugin's error
   */
  async addPod(name: string, options: { containerID?: string } = {}): Promise<Pod> {
    const containerID = options.containerID ?? randomBytes(32).toString('hex');
    const conf = loadConfList(this.path('/etc/cni/net.d'));
    await this.must(['ip', 'netns', 'add', name]);
    const pod = new Pod({ name, node: this, containerID, conf });
    try {
      await pod.ip('link set lo up');
      await pod.attach();
    } catch (error) {
      await this.must(['ip', 'netns', 'delete', name]);
      throw error;
    }
    this.#pods.set(name, pod);
    return pod;
  }

  /**
   * Removes a pod: DEL of each plugin in reverse order, then the namespace. With `netnsGone` the namespace is deleted
   * first and DEL gets an empty CNI_NETNS, as after a reboot.
   */
  async removePod(name: string, { netnsGone = false } = {}): Promise<void> {
    const pod = this.#pods.get(name);
    if (!pod) {
      return;
    }
    if (netnsGone) {
      await this.must(['ip', 'netns', 'delete', name]);
    }
    await pod.detach({ netnsGone });
    if (!netnsGone) {
      await this.must(['ip', 'netns', 'delete', name]);
    }
    this.#pods.delete(name);
  }

  /** Starts a program that keeps running. It is killed when the node is removed. */
  override start(argv: readonly string[], options?: StartOptions): ChildProcess {
    const child = super.start(argv, options);
    this.#started.add(child);
    child.once('exit', () => this.#started.delete(child));
    return child;
  }

  /** Ends the node: kills its programs, then removes its link and namespaces. */
  async end(): Promise<void> {
    for (const child of this.#started) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await must(['ip', 'link', 'delete', this.#port]);
    await this.#holder.end();
  }
}
