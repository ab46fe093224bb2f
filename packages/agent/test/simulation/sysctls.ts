/**
 * A model of the settings below /proc/sys that the agent looks at; `sysctls.live.test.ts` does the same random
 * operations to it and to the real ones.
 */
import type { SysctlFiles } from '../../src/apply/sysctls.ts';

/** Those of each link, with what a new one has. */
const OF_LINKS: Readonly<Record<string, string>> = {
  'net/ipv4/conf/*/rp_filter': '0',
  'net/ipv6/conf/*/accept_ra': '1',
};

const GLOBAL: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '0',
  'net/ipv6/conf/all/forwarding': '0',
};

export class SimulatedSysctls implements SysctlFiles {
  readonly #values = new Map(Object.entries(GLOBAL));
  readonly #linkIndex: (name: string) => number | undefined;
  /** As in a container without privileges. */
  readonly #readOnly: boolean;
  /** Keys that the agent has written, in order. */
  readonly written: string[] = [];

  /** `linkIndex` tells which links there are. */
  constructor(linkIndex: (name: string) => number | undefined, readOnly = false) {
    this.#linkIndex = linkIndex;
    this.#readOnly = readOnly;
  }

  read(key: string): string | undefined {
    const [place, initial] = this.#placeOf(key);
    return place === undefined ? undefined : (this.#values.get(place) ?? initial);
  }

  writable(key: string): boolean {
    return !this.#readOnly && this.read(key) !== undefined;
  }

  write(key: string, value: string): void {
    if (this.#readOnly) {
      throw Object.assign(new Error('EROFS, says the model'), { code: 'EROFS' });
    }
    this.written.push(key);
    this.set(key, value);
  }

  /** Somebody else writes. Throws ENOENT when there is no such key. */
  set(key: string, value: string): void {
    const [place] = this.#placeOf(key);
    if (place === undefined) {
      throw Object.assign(new Error(`no ${key}`), { code: 'ENOENT' });
    }
    this.#values.set(place, value);
  }

  /** br_netfilter is loaded: it filters from then on, until somebody says otherwise. */
  loadBridgeFilter(): void {
    for (const program of ['iptables', 'ip6tables']) {
      this.#values.set(`net/bridge/bridge-nf-call-${program}`, '1');
    }
  }

  /** Where a value is kept, and what it is at first: by a link's index, as one made anew has forgotten. */
  #placeOf(key: string): [place: string | undefined, initial?: string] {
    if (this.#values.has(key)) {
      return [key];
    }
    const parts = /^(net\/ipv[46]\/conf\/)([^/]+)(\/.+)$/.exec(key);
    const initial = parts === null ? undefined : OF_LINKS[`${parts[1]}*${parts[3]}`];
    if (parts === null || initial === undefined) {
      return [undefined];
    }
    const name = parts[2]!;
    const index = name === 'all' || name === 'default' ? name : this.#linkIndex(name);
    return index === undefined ? [undefined] : [`${parts[1]}#${index}${parts[3]}`, initial];
  }
}
