/** Everything that plugins create, as comparable lines of text: finds leftovers and missing state. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Link, openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { openNftables } from '@cnikit/netlink/nftables';
import { run } from './namespaces.ts';

/** State to read besides links, addresses, routes, rules, qdiscs and nftables. */
export interface StateScope {
  /** A folder, read recursively. */
  dir: string;
  /** Read legacy iptables, which nftables does not show. */
  iptables?: boolean;
}

/** Reads the state of the node and of a pod. */
export interface StateReader {
  node(): string[];
  pod(): string[];
  close(): void;
}

export function stateReader({ dir, iptables = false }: StateScope, podPath: string): StateReader {
  const host = openRtnetlink();
  const pod = openRtnetlink({ netns: podPath });
  const nft = openNftables();
  return {
    node: () => [
      ...routeState(host),
      ...nftState(nft),
      ...(iptables ? iptablesState() : []),
      ...fileState(dir),
    ],
    pod: () => routeState(pod),
    close() {
      for (const connection of [host, pod, nft]) {
        connection.close();
      }
    },
  };
}

/** Reads the node's state once. */
export function nodeStateIn(dir: string): string[] {
  const reader = stateReader({ dir }, '/proc/self/ns/net');
  const state = reader.node();
  reader.close();
  return state;
}

/** Lines only in `now`, prefixed with +, then lines only in `before`, prefixed with -. */
export function differences(before: readonly string[], now: readonly string[]): string[] {
  const [old, present] = [new Set(before), new Set(now)];
  return [
    ...now.filter((line) => !old.has(line)).map((line) => `+ ${line}`),
    ...before.filter((line) => !present.has(line)).map((line) => `- ${line}`),
  ];
}

const DEFAULT_QDISCS = ['noqueue', 'pfifo_fast', 'fq_codel', 'mq'];
/** The kernel adds and removes these asynchronously. */
const isOfLinkLocal = (prefix: string | undefined) => /^(fe80|ff)/.test(prefix ?? '');

function routeState(route: RtnetlinkConnection): string[] {
  const links = route.links();
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const nameOf = (index: number | undefined) =>
    index === undefined ? '' : (names.get(index) ?? `#${index}`);
  return [
    ...links.map((link) => `link ${linkText(link)} ${nameOf(link.master)}`),
    ...route
      .addresses()
      .filter(({ address }) => !isOfLinkLocal(address))
      .map(({ index, address, flags }) => `address ${nameOf(index)} ${address} ${flags.toString(16)}`),
    ...route
      .routes()
      .filter(({ dst, table }) => table !== 'local' && !isOfLinkLocal(dst))
      .map(({ dst, via, oif, table }) => `route ${dst} via ${via} dev ${nameOf(oif)} table ${table}`),
    ...route.neighbours({ proxy: true }).map(({ index, address }) => `proxy ${nameOf(index)} ${address}`),
    ...route.rules().map((rule) => `rule ${JSON.stringify(rule)}`),
    ...route
      .qdiscs()
      .filter(({ kind }) => !DEFAULT_QDISCS.includes(kind))
      .map(({ index, kind }) => `qdisc ${nameOf(index)} ${kind}`),
  ];
}

function linkText({ name, kind, up, mtu, flags, txQueueLength }: Link): string {
  const own = flags & 0x300; // IFF_PROMISC, IFF_ALLMULTI
  return `${name} ${kind} ${up ? 'up' : 'down'} mtu ${mtu} flags ${own.toString(16)} qlen ${txQueueLength}`;
}

/** A line for each nftables object. Addresses in rules and sets are decimal. */
export function nftState(nft: ReturnType<typeof openNftables>): string[] {
  const sets = nft.sets();
  const of = ({ family, table }: { family: string; table?: string | undefined }) => `${family} ${table}`;
  return [
    ...nft.tables().map(({ family, name }) => `nft table ${family} ${name}`),
    ...nft.chains().map((chain) => `nft chain ${of(chain)} ${chain.name}`),
    ...nft
      .rules()
      .map((rule) => `nft rule ${of(rule)} ${rule.chain} ${text({ ...rule, handle: 0, position: 0 })}`),
    ...sets.map((set) => `nft set ${of(set)} ${set.name}`),
    ...sets.flatMap((set) =>
      nft
        .elements({ family: set.family, table: set.table ?? '', name: set.name ?? '' })
        .map((element) => `nft element ${of(set)} ${set.name} ${text(element)}`),
    ),
  ];
}

/** JSON without packet counters. */
function text(value: object): string {
  return JSON.stringify(value, (key, one) => {
    if (typeof one === 'bigint') {
      return String(one);
    }
    if (one instanceof Uint8Array) {
      return [...one].join('.');
    }
    return key === 'bytes' || key === 'packets' ? undefined : one;
  });
}

function iptablesState(): string[] {
  return ['iptables-save', 'ip6tables-save'].flatMap((program) =>
    run(program)
      .split('\n')
      .filter((line) => !line.startsWith('#') && line !== '')
      .map((line) => `${program} ${line.replace(/\[\d+:\d+\]/, '')}`),
  );
}

/** Reservations and other files with their content, without the allocator's files that change with every pod. */
function fileState(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/(^|\/)(lock$|last_reserved_ip\.|\.seal:)/.test(name))
    .map((name) => {
      const path = join(dir, name);
      return lstatSync(path).isFile() ? `file ${name} ${readFileSync(path, 'utf8')}` : `folder ${name}`;
    });
}
