/**
 * A fake of the kernel's main table and of VXLAN links: it creates exclusively, replaces, deletes exactly,
 * and counts writes.
 */

import type { KernelAction, NeighbourAction, TunnelAction } from '../core/action.ts';
import type { Kernel, WriteFailure } from '../core/kernel.ts';
import {
  entryKey,
  type KernelAddress,
  type KernelLink,
  type KernelNeighbour,
  type KernelRoute,
  type KernelState,
} from '../core/model.ts';
import { TUNNEL_ALIAS, TUNNEL_GROUP } from '../core/tunnel-mark.ts';
import { asKernelRoute } from '../reconcile/diff.ts';

export class FakeKernel implements Kernel {
  links: KernelLink[] = [
    { index: 1, name: 'lo', mtu: 65_536, up: true },
    { index: 2, name: 'eth0', mtu: 1500, up: true },
  ];
  addresses: KernelAddress[] = [
    { index: 2, address: '192.0.2.1/24' },
    { index: 2, address: '2001:db8::1/64' },
  ];
  routes: KernelRoute[] = [
    {
      family: 'ipv4',
      dst: '0.0.0.0/0',
      via: '192.0.2.254',
      oif: 2,
      protocol: 'boot',
      priority: 0,
      type: 'unicast',
    },
    { family: 'ipv4', dst: '192.0.2.0/24', oif: 2, protocol: 'kernel', priority: 0, type: 'unicast' },
    {
      family: 'ipv6',
      dst: '::/0',
      via: '2001:db8::fe',
      oif: 2,
      protocol: 'boot',
      priority: 1024,
      type: 'unicast',
    },
    { family: 'ipv6', dst: '2001:db8::/64', oif: 2, protocol: 'kernel', priority: 256, type: 'unicast' },
  ];
  neighbours: KernelNeighbour[] = [];
  dumps = 0;
  writes = 0;
  /** Next hops that the kernel refuses. */
  unreachable = new Set<string>();

  dump(): KernelState {
    this.dumps++;
    const { links, addresses, routes, neighbours } = this;
    return structuredClone({ links, addresses, routes, neighbours });
  }

  write(actions: readonly KernelAction[]): WriteFailure[] {
    this.writes++;
    return actions.flatMap((action) => {
      const code = this.#do(action);
      return code === undefined ? [] : [{ action, code, message: `the model says ${code}` }];
    });
  }

  #do(action: KernelAction): string | undefined {
    if (action.kind === 'tunnel') {
      return this.#tunnel(action);
    }
    if (action.kind === 'neighbour') {
      return this.#neighbour(action);
    }
    if (action.op !== 'add') {
      const at = this.routes.findIndex(
        (have) => JSON.stringify(key(have)) === JSON.stringify(key(action.old)),
      );
      if (at >= 0) {
        this.routes.splice(at, 1);
      }
      if (action.op === 'remove') {
        return at < 0 ? 'ESRCH' : undefined;
      }
    }
    const route = asKernelRoute(action.route);
    if (!('unreachable' in action.route) && this.#refuses(action.route)) {
      return 'ENETUNREACH';
    }
    if (this.routes.some((have) => have.dst === route.dst && have.priority === route.priority)) {
      return 'EEXIST';
    }
    this.routes.push(route);
    return undefined;
  }

  #refuses({ via, oif }: { via: string; oif: number }): boolean {
    return this.unreachable.has(via) || !this.links.some(({ index }) => index === oif);
  }

  #tunnel(action: TunnelAction): string | undefined {
    if (action.op === 'remove') {
      return this.removeLink(action.old.index) ? undefined : 'ENODEV';
    }
    const { name, vni: id, port, mac, mtu, local, addresses } = action.link;
    if (action.op === 'add') {
      const taken = this.links.some(
        (link) => link.name === name || (link.vxlan?.id === id && link.vxlan.port === port),
      );
      if (taken) {
        return 'EEXIST';
      }
      const index = Math.max(...this.links.map((link) => link.index)) + 1;
      const vxlan = { id, port, learning: false, local };
      this.links.push({ index, name, mtu, up: true, mac, alias: TUNNEL_ALIAS, group: TUNNEL_GROUP, vxlan });
      return undefined;
    }
    const link = this.links.find(({ index }) => index === action.old.index);
    if (link === undefined) {
      return 'ENODEV';
    }
    Object.assign(link, { mac, mtu, up: true });
    this.addresses = this.addresses.filter(({ index }) => index !== link.index);
    this.addresses.push(...addresses.map((address) => ({ index: link.index, address })));
    return undefined;
  }

  /** Removes a link with its addresses, routes and entries. Returns false if there is no such link. */
  removeLink(index: number): boolean {
    const had = this.links.length;
    this.links = this.links.filter((link) => link.index !== index);
    this.addresses = this.addresses.filter((address) => address.index !== index);
    this.routes = this.routes.filter(({ oif }) => oif !== index);
    this.neighbours = this.neighbours.filter((neighbour) => neighbour.index !== index);
    return this.links.length < had;
  }

  #neighbour({ op, entry }: NeighbourAction): string | undefined {
    if (!this.links.some(({ index }) => index === entry.index)) {
      return 'ENODEV';
    }
    const had = this.neighbours.length;
    this.neighbours = this.neighbours.filter(
      (have) => have.index !== entry.index || entryKey(have) !== entryKey(entry),
    );
    if (op === 'put') {
      this.neighbours.push({ ...entry });
    } else if (this.neighbours.length === had) {
      return 'ENOENT';
    }
    return undefined;
  }

  /** Returns destination and next hop of the agent's routes to other nodes, sorted. */
  own(): string[] {
    return this.routes
      .filter(({ protocol, type }) => protocol === 201 && type === 'unicast')
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
