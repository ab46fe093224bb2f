/** A model of the kernel's main table for tests: creates exclusively, replaces, deletes exactly, and counts writes. */
import type { Kernel, WriteFailure } from '../apply/kernel.ts';
import { asKernelRoute, type RouteAction } from '../diff.ts';
import type { KernelRoute, KernelState } from '../model.ts';

export class FakeKernel implements Kernel {
  links = [
    { index: 1, name: 'lo', mtu: 65_536, up: true },
    { index: 2, name: 'eth0', mtu: 1500, up: true },
  ];
  addresses = [
    { index: 2, address: '192.0.2.1/24' },
    { index: 2, address: '2001:db8::1/64' },
  ];
  routes: KernelRoute[] = [
    { family: 'ipv4', dst: '0.0.0.0/0', via: '192.0.2.254', oif: 2, protocol: 3, priority: 0, type: 1 },
    { family: 'ipv4', dst: '192.0.2.0/24', oif: 2, protocol: 2, priority: 0, type: 1 },
    { family: 'ipv6', dst: '::/0', via: '2001:db8::fe', oif: 2, protocol: 3, priority: 1024, type: 1 },
    { family: 'ipv6', dst: '2001:db8::/64', oif: 2, protocol: 2, priority: 256, type: 1 },
  ];
  dumps = 0;
  writes = 0;
  /** Next hops that the kernel refuses. */
  unreachable = new Set<string>();

  dump(): KernelState {
    this.dumps++;
    return structuredClone({ links: this.links, addresses: this.addresses, routes: this.routes });
  }

  write(actions: readonly RouteAction[]): WriteFailure[] {
    this.writes++;
    return actions.flatMap((action) => {
      const code = this.#do(action);
      return code === undefined ? [] : [{ action, code, message: `the model says ${code}` }];
    });
  }

  #do(action: RouteAction): string | undefined {
    if (action.op !== 'add') {
      const at = this.routes.findIndex(
        (have) => JSON.stringify(key(have)) === JSON.stringify(key(action.old)),
      );
      if (at < 0) return 'ESRCH';
      if (action.op === 'change' && this.unreachable.has(action.route.via)) return 'ENETUNREACH';
      this.routes.splice(at, 1);
      if (action.op === 'remove') return undefined;
    }
    const route = asKernelRoute(action.route);
    if (this.unreachable.has(action.route.via)) return 'ENETUNREACH';
    if (this.routes.some((have) => have.dst === route.dst && have.priority === route.priority))
      return 'EEXIST';
    this.routes.push(route);
    return undefined;
  }

  /** Destination and next hop of the agent's routes, sorted. */
  own(): string[] {
    return this.routes
      .filter(({ protocol }) => protocol === 201)
      .map(({ dst, via }) => `${dst} via ${via}`)
      .sort();
  }

  async *events(): AsyncIterable<never> {}
  close(): void {}
}

const key = ({ dst, via, oif, protocol, priority }: KernelRoute): unknown[] => [
  dst,
  via,
  oif,
  protocol,
  priority,
];
