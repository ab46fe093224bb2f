import { host, NETWORK } from './addressing.ts';
import { must } from './command.ts';
import { LabError } from './errors.ts';
import { Namespace } from './namespace.ts';
import { LabNode } from './node.ts';
import { Outside } from './outside.ts';

/** The bridges of the L2 networks that nodes can be on. The router has an address on each. */
const BRIDGES = { nodes: 'lab0', far: 'lab1' } as const;
/** Host number of the router in each network. */
const FIRST = 1;

/**
 * A network of namespaces: nodes on two bridges, a router, and a host beyond it.
 *
 * The router is the sandbox's own network namespace, where this process runs: nodes reach a server that listens here
 * on {@link ROUTER}.
 *
 * ```
 *   outside 203.0.113.2 ── router 10.0.0.1 ── lab0 ─┬─ n1 10.0.0.11
 *                          (this process)    │      └─ n2 10.0.0.12
 *                                   10.0.1.1 └ lab1 ─── n3 10.0.1.13
 * ```
 */
export class Lab {
  /** The sandbox's own namespace, which is the nodes' default gateway. */
  readonly router: Namespace = new Namespace('router', []);
  readonly outside: Outside;
  readonly #nodes = new Map<string, LabNode>();
  #numbered = 0;

  private constructor(outside: Outside) {
    this.outside = outside;
  }

  /**
   * Creates the bridges, the router and the outside host. A sandbox can hold one lab at a time.
   *
   * @throws {LabError} NO_SANDBOX when it runs outside a sandbox, where it would change the machine's network
   */
  static async create(): Promise<Lab> {
    if (process.env.CNIKIT_SANDBOX !== '1') {
      throw new LabError(
        'NO_SANDBOX',
        'The lab changes the network that it runs in: start it with `node tools/sandbox.mjs COMMAND`',
      );
    }
    const router = new Namespace('router', []);
    for (const network of ['nodes', 'far'] as const) {
      const { prefix } = NETWORK[network];
      const [bridge, leg] = [BRIDGES[network], host(network, FIRST)];
      await router.ip(`link add ${bridge} type bridge mcast_snooping 0`);
      await router.withoutDad(bridge);
      await router.ip(
        `address add ${leg.ipv4}/${prefix.ipv4} dev ${bridge}`,
        `address add ${leg.ipv6}/${prefix.ipv6} dev ${bridge}`,
        `link set ${bridge} up`,
      );
    }
    await router.sysctl('net/ipv4/ip_forward', '1');
    await router.sysctl('net/ipv6/conf/all/forwarding', '1');
    return new Lab(await Outside.create(router));
  }

  /** The current nodes by name, in the order of their creation. */
  get nodes(): ReadonlyMap<string, LabNode> {
    return this.#nodes;
  }

  /**
   * Adds a node with the next free number. The first has the address 10.0.0.11. Its hostname is its name.
   *
   * @param options `far` puts the node on the other side of the router
   */
  async addNode(name: string, { far = false }: { far?: boolean } = {}): Promise<LabNode> {
    this.#numbered += 1;
    const number = this.#numbered;
    const network = far ? 'far' : 'nodes';
    const node = await LabNode.create({
      name,
      number,
      far,
      address: host(network, 10 + number),
      gateway: host(network, FIRST),
      prefix: NETWORK[network].prefix,
      bridge: BRIDGES[network],
    });
    this.#nodes.set(name, node);
    return node;
  }

  /** Removes a node as a power cut would, without stopping its programs first. */
  async removeNode(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    await node?.end();
  }

  /** Removes everything and ends the programs that the lab has started in the nodes. */
  async destroy(): Promise<void> {
    for (const name of [...this.#nodes.keys()]) {
      await this.removeNode(name);
    }
    await this.outside.end();
    for (const bridge of Object.values(BRIDGES)) {
      await must(['ip', 'link', 'delete', bridge]);
    }
  }
}
