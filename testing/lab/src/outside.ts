import { type DualStack, host, NETWORK } from './addressing.ts';
import { must } from './command.ts';
import { type Holder, startHolder } from './holder.ts';
import { Namespace } from './namespace.ts';

const PORT = 'lab-outside';

/**
 * A host beyond the router. Neither it nor the router has a route to the pods, so connections that are not masqueraded
 * get no reply.
 */
export class Outside extends Namespace {
  readonly address: DualStack = host('outside', 2);
  /** Id, in the sandbox, of the process that holds the namespace. */
  readonly pid: number;
  readonly #holder: Holder;

  private constructor(holder: Holder) {
    super('outside', ['nsenter', '--target', String(holder.pid), '--net']);
    this.pid = holder.pid;
    this.#holder = holder;
  }

  static async create(router: Namespace): Promise<Outside> {
    const holder = await startHolder(['--net']);
    const outside = new Outside(holder);
    const { prefix } = NETWORK.outside;
    const gateway = host('outside', 1);
    await router.ip(`link add ${PORT} type veth peer name eth0 netns ${holder.pid}`);
    await router.withoutDad(PORT);
    await outside.withoutDad('eth0');
    await router.ip(
      `address add ${gateway.ipv4}/${prefix.ipv4} dev ${PORT}`,
      `address add ${gateway.ipv6}/${prefix.ipv6} dev ${PORT}`,
      `link set ${PORT} up`,
    );
    await outside.ip(
      'link set lo up',
      `address add ${outside.address.ipv4}/${prefix.ipv4} dev eth0`,
      `address add ${outside.address.ipv6}/${prefix.ipv6} dev eth0`,
      'link set eth0 up',
      `route add default via ${gateway.ipv4}`,
      `route add ::/0 via ${gateway.ipv6}`,
    );
    return outside;
  }

  async end(): Promise<void> {
    await must(['ip', 'link', 'delete', PORT]);
    await this.#holder.end();
  }
}
