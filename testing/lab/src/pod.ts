import type { Family } from '@cnikit/ip';
import type { DualStack } from './addressing.ts';
import { Namespace } from './namespace.ts';
import { type CniResult, type ConfList, type Invocation, runChain } from './runtime.ts';

/** The node that a pod runs on. */
export interface PodHost extends Namespace {
  readonly pid: number;
  readonly address: DualStack;
  /** Returns the path of a file of the node as the lab sees it. */
  path(path: string): string;
  removePod(name: string): Promise<void>;
}

/** Parameters of a {@link Pod}. */
export interface PodSpec {
  name: string;
  node: PodHost;
  containerID: string;
  conf: ConfList;
}

/** A pod: a network namespace named in its node's /run/netns and set up by the node's plugins. */
export class Pod extends Namespace {
  readonly node: PodHost;
  readonly containerID: string;
  readonly conf: ConfList;
  /** Result of ADD, kept for CHECK and DEL as a runtime does. */
  result: CniResult = {};

  constructor({ name, node, containerID, conf }: PodSpec) {
    const target = ['nsenter', '--target', String(node.pid), '--mount', '--uts'];
    super(name, [...target, `--net=${node.path(`/run/netns/${name}`)}`]);
    this.node = node;
    this.containerID = containerID;
    this.conf = conf;
  }

  /** Path of the network namespace, as the node and its plugins see it. */
  get netns(): string {
    return `/run/netns/${this.name}`;
  }

  /** The pod's addresses without prefix length. */
  get ips(): string[] {
    return (this.result.ips ?? []).map(({ address }) => address.replace(/\/.*/, ''));
  }

  /** Returns the first address of a family, or an empty string. */
  ip4or6(family: Family): string {
    return this.ips.find((ip) => ip.includes(':') === (family === 'ipv6')) ?? '';
  }

  /** Runs ADD of the whole chain. */
  async attach(): Promise<void> {
    this.result = await runChain(this.#invocation('ADD'));
  }

  /** Runs CHECK of the whole chain. */
  async check(): Promise<void> {
    await runChain(this.#invocation('CHECK'));
  }

  /** Runs DEL of the whole chain. The namespace stays. */
  async detach({ netnsGone = false } = {}): Promise<void> {
    await runChain({ ...this.#invocation('DEL'), ...(netnsGone && { netns: '' }) });
  }

  #invocation(command: Invocation['command']): Invocation {
    const { node, conf, containerID, netns, name, result } = this;
    const args = {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: 'default',
      K8S_POD_NAME: name,
      K8S_POD_INFRA_CONTAINER_ID: containerID,
    };
    return { namespace: node, conf, command, containerID, netns, ifName: 'eth0', args, prevResult: result };
  }
}
