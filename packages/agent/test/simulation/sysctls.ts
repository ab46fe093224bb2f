/**
 * A model of the settings below /proc/sys that the agent uses. `sysctls.live.test.ts` applies the same random
 * operations to the model and to the real ones.
 */
import type { SysctlFiles } from '../../src/apply/sysctls.ts';

/** Settings of each link, with their initial values. */
const OF_LINKS: Readonly<Record<string, string>> = {
  'net/ipv4/conf/*/forwarding': '0',
  'net/ipv4/conf/*/rp_filter': '0',
  'net/ipv6/conf/*/accept_ra': '1',
};

/** Settings of links that netlink writes where /proc/sys is read-only. */
const OF_NETLINK = /^net\/ipv4\/conf\/(?!all\/|default\/)[^/]+\/(rp_filter|forwarding)$/;

const GLOBAL: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '0',
  'net/ipv6/conf/all/forwarding': '0',
};

export class SimulatedSysctls implements SysctlFiles {
  readonly #values = new Map(Object.entries(GLOBAL));
  readonly #linkIndex: (name: string) => number | undefined;
  /** /proc/sys is read-only, as in an unprivileged container. */
  readonly #readOnly: boolean;
  /** Forwarding of links without a changed setting. */
  #forwarding = '0';
  /** Keys that the agent wrote, in order. */
  readonly written: string[] = [];

  /** `linkIndex` returns the index of a link; undefined if it does not exist. */
  constructor(linkIndex: (name: string) => number | undefined, readOnly = false) {
    this.#linkIndex = linkIndex;
    this.#readOnly = readOnly;
  }

  read(key: string): string | undefined {
    const [place, initial] = this.#placeOf(key);
    return place === undefined ? undefined : (this.#values.get(place) ?? initial);
  }

  writable(key: string): boolean {
    return (!this.#readOnly || OF_NETLINK.test(key)) && this.read(key) !== undefined;
  }

  write(key: string, value: string): void {
    if (this.#readOnly && !OF_NETLINK.test(key)) {
      throw Object.assign(new Error('EROFS, says the model'), { code: 'EROFS' });
    }
    this.written.push(key);
    this.set(key, value);
  }

  /** Writes as another program. Throws ENOENT if the key does not exist. */
  set(key: string, value: string): void {
    const [place] = this.#placeOf(key);
    if (place === undefined) {
      throw Object.assign(new Error(`no ${key}`), { code: 'ENOENT' });
    }
    const changed = this.#values.get(place) !== value;
    this.#values.set(place, value);
    // A change sets all links, and those to come (inet_forward_change in net/ipv4/devinet.c).
    if (key === 'net/ipv4/ip_forward' && changed) {
      this.#forwarding = value;
      for (const other of [...this.#values.keys()]) {
        if (/^net\/ipv4\/conf\/#\d+\/forwarding$/.test(other)) {
          this.#values.delete(other);
        }
      }
    }
  }

  /** Loads br_netfilter, which filters bridged packets by default. */
  loadBridgeFilter(): void {
    for (const program of ['iptables', 'ip6tables']) {
      this.#values.set(`net/bridge/bridge-nf-call-${program}`, '1');
    }
  }

  /**
   * Returns the place of a value and its initial value: by index of the link, because a recreated link has
   * initial values.
   */
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
    const value = parts[3] === '/forwarding' ? this.#forwarding : initial;
    return index === undefined ? [undefined] : [`${parts[1]}#${index}${parts[3]}`, value];
  }
}
