import { host, NETWORK } from './addressing.ts';
import { must } from './command.ts';
import { LabError } from './errors.ts';
import { LabNode } from './node.ts';
import { Outside } from './outside.ts';
import { Place } from './place.ts';

/** The L2 networks that nodes can be on, each a bridge with the router's leg in it. */
const BRIDGES = { nodes: 'lab0', far: 'lab1' } as const;
/** The router's number in each. */
const FIRST = 1;

/**
 * Nodes on one bridge or on a second one, a router, and a host beyond it, made of namespaces.
 *
 * The router is the sandbox's own network namespace, where this process lives: a server that listens here on
 * {@link ROUTER} is one that the nodes reach.
 *
 * ```
 *   outside 203.0.113.2 ── router 10.0.0.1 ── lab0 ─┬─ n1 10.0.0.11
 *                          (this process)    │      └─ n2 10.0.0.12
 *                                   10.0.1.1 └ lab1 ─── n3 10.0.1.13
 * ```
 */
export class Lab {
  /** The sandbox's own namespace: the nodes' default gateway. */
  readonly router: Place = new Place('router', []);
  readonly outside: Outside;
  readonly #nodes = new Map<string, LabNode>();
  #numbered = 0;

  private constructor(outside: Outside) {
    this.outside = outside;
  }

  /**
   * Makes the bridge, the router and the outside host. One lab at a time can be in a sandbox.
   *
   * @throws LabError NO_SANDBOX anywhere else than in a sandbox, where it would change the machine's own network
   */
  static async create(): Promise<Lab> {
    if (process.env.CNIKIT_SANDBOX !== '1') {
      throw new LabError(
        'NO_SANDBOX',
        'The lab changes the network it is in: run it by `node tools/sandbox.mjs`',
      );
    }
    const router = new Place('router', []);
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

  /** The nodes that are there, by name, in the order they came. */
  get nodes(): ReadonlyMap<string, LabNode> {
    return this.#nodes;
  }

  /**
   * Adds a node with the next free number: the first is 10.0.0.11. Its hostname is its name. One that is `far` is on
   * the other side of the router.
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

  /** Takes a node away as a power cut would: nothing in it is asked or told. */
  async removeNode(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    await node?.end();
  }

  /** Takes everything away; what ran in the nodes has lost its network, and is ended where the lab started it. */
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
