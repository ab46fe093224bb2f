/**
 * Host ports in upstream's nftables tables, for a configuration that names the backend nftables. Both sides delete, check
 * and list each other's rules, which have the container ID as comment:
 *
 *     table ip cni_hostport {
 *       chain hostports { tcp dport 8080 dnat to 10.1.0.5:80 comment "4f1c" }
 *       chain hostports_all { jump hostip_hostports; jump hostports }
 *       chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local jump hostports_all }
 *       chain output { type nat hook output priority dstnat; fib daddr type local jump hostports_all }
 *       chain masquerading {
 *         type nat hook postrouting priority srcnat
 *         ip saddr 10.1.0.5 ip daddr 10.1.0.5 masquerade comment "4f1c"
 *         ip saddr 127.0.0.1 ip daddr 10.1.0.5 masquerade comment "4f1c"
 *       }
 *     }
 *
 * As in upstream, the first of two pods with an equal port gets its packets. A pod that the runtime lost loses its rules.
 */
import { type Family, families } from '@cnikit/ip';
import type { Request } from '@cnikit/netlink';
import {
  delRule,
  type Expression,
  type NftConnection,
  type NftRule,
  newChain,
  newRule,
  newTable,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import { withoutLength } from '../../lib/prefix.ts';
import { type HostPort, ofFamily, portText } from '../../nat/host-port.ts';
import { ruleTarget } from '../../nat/nftables.ts';
import type { Change } from '../../nat/transaction.ts';
import { HOST_PORT_TABLE, hasAddress } from '../../nat/upstream-nftables.ts';
import type { PortPlan } from './nftables.ts';

const PORTS = 'hostports';
/** Rules of upstream before 1.10 for ports of one address. */
const OLD_PORTS = 'hostip_hostports';
const ALL = 'hostports_all';
const HOOKS = ['prerouting', 'output'] as const;
const MASQUERADING = 'masquerading';
const DSTNAT = -100;
const SRCNAT = 100;

const tableOf = (family: Family) =>
  ({ family: family === 'ipv4' ? 'ip' : 'ip6', table: HOST_PORT_TABLE }) as const;
const chainOf = (family: Family, chain: string) => ({ ...tableOf(family), chain });
/** Drops the match of the IP version, which the table's family implies. */
const withoutVersion = (expressions: Expression[]): Expression[] => expressions.slice(2);

/** Makes ports of the node lead to a pod. */
export function upstreamPortsChange(plan: PortPlan): Change {
  const comment = plan.owner.containerID;
  const lost = new Map<string, string>();
  return {
    requests: (nft) =>
      families.flatMap((family) => {
        const rules = podRules(plan, family);
        if (rules.length === 0) {
          return [];
        }
        const listed = [PORTS, MASQUERADING].map((name) => {
          const chain = chainOf(family, name);
          return { chain, rules: nft.rules(chain) };
        });
        findLost(plan, family, listed[0]?.rules ?? [], lost);
        // An ADD of the same attachment may have been killed.
        const stale = listed.flatMap(({ chain, rules: present }) =>
          present
            .filter((rule) => isOwn(plan, family, rule) || lost.has(rule.comment ?? ''))
            .map(({ handle = 0 }) => delRule({ ...chain, handle })),
        );
        return [
          ...missingBase(nft, family, plan.settings.snat),
          ...stale,
          ...rules.map(({ chain, expressions }) =>
            newRule({ ...chainOf(family, chain), expressions, comment }),
          ),
        ];
      }),
    more() {
      for (const line of lost.values()) {
        plan.log?.(line);
      }
      return false;
    },
  };
}

/** Adds the containers that the runtime lost and that have one of the plan's ports, each with a log line. */
function findLost(
  { owner, ports, lostOwner }: PortPlan,
  family: Family,
  rules: readonly NftRule[],
  lost: Map<string, string>,
): void {
  const seen = new Set(lost.keys()).add(owner.containerID);
  const own = ofFamily(ports, family);
  for (const rule of rules) {
    const { comment: containerID = '' } = rule;
    const port = seen.has(containerID) ? undefined : own.find((one) => matches(rule, one));
    if (port === undefined) {
      continue;
    }
    seen.add(containerID);
    const reason = lostOwner?.({ containerID });
    if (reason !== undefined) {
      lost.set(containerID, `Took host port ${portText(port)} from container ${containerID}: ${reason}`);
    }
  }
}

interface PodRule {
  chain: string;
  expressions: Expression[];
}

function podRules({ ports, addresses, settings }: PortPlan, family: Family): PodRule[] {
  const given = addresses[family];
  const own = ofFamily(ports, family);
  if (given === undefined || own.length === 0) {
    return [];
  }
  const address = withoutLength(given);
  const rules = own.map(({ hostIP, protocol, hostPort, containerPort }) => ({
    chain: PORTS,
    expressions: [
      ...(hostIP === undefined ? [] : withoutVersion(expr.destination(hostIP))),
      ...expr.protocol(protocol),
      ...expr.destinationPort(hostPort),
      ...expr.dnat({ address, port: containerPort }),
    ],
  }));
  if (!settings.snat) {
    return rules;
  }
  const to = withoutVersion(expr.destination(address));
  const isV4 = family === 'ipv4';
  const all = isV4 ? '0.0.0.0/0' : '::/0';
  const sources = settings.masqAll ? [all] : [address, ...(isV4 ? ['127.0.0.1'] : [])];
  return [
    ...rules,
    ...sources.map((from) => ({
      chain: MASQUERADING,
      expressions: [...withoutVersion(expr.source(from)), ...to, ...expr.masquerade()],
    })),
  ];
}

/** Requests for what all pods share, if something is missing. As upstream, idempotent. */
function missingBase(nft: NftConnection, family: Family, snat: boolean): Request[] {
  const table = tableOf(family);
  const hookChain = (name: string, hook: 'prerouting' | 'output' | 'postrouting', priority: number) =>
    newChain({ ...table, name, hook: { type: 'nat', hook, priority } });
  const masquerading = snat ? [hookChain(MASQUERADING, 'postrouting', SRCNAT)] : [];
  if (brokenChains(nft, family).length === 0) {
    return masquerading;
  }
  const rule = (chain: string, ...expressions: Expression[]) => newRule({ ...table, chain, expressions });
  return [
    newTable({ family: table.family, name: table.table, comment: 'CNI portmap plugin' }),
    ...[PORTS, OLD_PORTS, ALL].map((name) => newChain({ ...table, name })),
    delRule({ ...table, chain: ALL }),
    rule(ALL, ...expr.jump(OLD_PORTS)),
    rule(ALL, ...expr.jump(PORTS)),
    ...HOOKS.flatMap((hook) => [
      hookChain(hook, hook, DSTNAT),
      delRule({ ...table, chain: hook }),
      rule(hook, ...expr.toLocal(), ...expr.jump(ALL)),
    ]),
    ...masquerading,
  ];
}

/** Returns the hooks that do not lead to the ports. Upstream before 1.10 has no chain in between. */
function brokenChains(nft: NftConnection, family: Family): string[] {
  const targets = (chain: string) => nft.rules(chainOf(family, chain)).map(ruleTarget);
  const inner = targets(ALL);
  return HOOKS.filter((hook) => {
    const found = targets(hook);
    return !found.includes(PORTS) && !(found.includes(ALL) && inner.includes(PORTS));
  });
}

/** Returns true for a container's rule with the pod's address; another network of the container has other addresses. */
function isOwn({ owner, addresses }: PortPlan, family: Family, rule: NftRule): boolean {
  return rule.comment === owner.containerID && hasAddress(rule, withoutLength(addresses[family] ?? ''));
}

/** Lists what an attachment's ports lack. */
export function upstreamPortDifferences(nft: NftConnection, plan: PortPlan): string[] {
  return families.flatMap((family) => {
    const rules = podRules(plan, family);
    if (rules.length === 0) {
      return [];
    }
    const found = (chain: string) =>
      nft.rules(chainOf(family, chain)).filter((rule) => isOwn(plan, family, rule));
    const leading = [...found(PORTS), ...found(OLD_PORTS)];
    const lost = ofFamily(plan.ports, family).filter((port) => !leading.some((rule) => matches(rule, port)));
    const masquerading = rules.filter(({ chain }) => chain === MASQUERADING).length;
    const { family: word, table } = tableOf(family);
    return [
      ...brokenChains(nft, family).map(
        (name) => `rules are missing in chain ${name} of table ${word} ${table}`,
      ),
      ...lost.map((port) => `host port ${portText({ ...port, family })} does not lead to the container`),
      ...(found(MASQUERADING).length < masquerading
        ? [`rules are missing in chain ${MASQUERADING} of table ${word} ${table}`]
        : []),
    ];
  });
}

/** Returns true when a rule has the port's protocol, number and address, in any order. */
function matches({ expressions }: NftRule, { hostIP, protocol, hostPort }: HostPort): boolean {
  const wanted = [
    ...(hostIP === undefined ? [] : withoutVersion(expr.destination(hostIP))),
    ...expr.protocol(protocol),
    ...expr.destinationPort(hostPort),
  ];
  const compared = (all: readonly Expression[]) =>
    all.flatMap((one) => (one.name === 'cmp' ? [String(one.data)] : []));
  const present = compared(expressions);
  return compared(wanted).every((data) => present.includes(data));
}
