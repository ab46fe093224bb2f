/** Host ports in iptables: upstream's chains, with the same names, rules and comments. */

import type { Env } from '@cnikit/cni-spec';
import { type Family, families } from '@cnikit/ip';
import { LOCK_EX, O_CREAT, O_RDWR, type Sys } from '@cnikit/sys';
import { subnetOf, withoutLength } from '../../lib/prefix.ts';
import { type HostPort, ofFamily } from '../../nat/host-port.ts';
import { restoreNat, savedNat, tryRestoreNat } from '../../nat/iptables.ts';
import { findNatChain, natChainName, natComment, PORT_CHAINS, quoted } from '../../nat/nat-chain.ts';
import type { PortPlan } from './nftables.ts';
import type { PortmapSettings } from './settings.ts';

const SETMARK = 'CNI-HOSTPORT-SETMARK';
const MASQ = 'CNI-HOSTPORT-MASQ';
/** Maximum number of ports in one match. */
const MAX_PORTS_PER_RULE = 15;
const MAX_COMMENT = 255;
/** Another process may create the same chains at the same time. */
const ATTEMPTS = 20;
const LOCK = '/run/cnikit-iptables.lock';

export interface IptablesPlan extends PortPlan {
  settings: Pick<PortmapSettings, 'snat' | 'masqAll' | 'mark' | 'conditions' | 'setMarkChain'>;
}

/** A rule that all pods share, as iptables-save prints it. */
interface SharedRule {
  chain: string;
  rule: string;
  first?: boolean;
}

function sharedRules({ snat, mark, setMarkChain }: IptablesPlan['settings']): SharedRule[] {
  const local = `-m addrtype --dst-type LOCAL -j ${PORT_CHAINS.entry}`;
  const entries = ['PREROUTING', 'OUTPUT'].map((chain) => ({ chain, rule: local }));
  if (!snat || setMarkChain !== undefined) {
    return entries;
  }
  const bit = `0x${mark.toString(16)}`;
  const comment = (text: string) => `-m comment --comment ${quoted(text)}`;
  return [
    ...entries,
    {
      chain: SETMARK,
      rule: `${comment('CNI portfwd masquerade mark')} -j MARK --set-xmark ${bit}/${bit}`,
    },
    { chain: MASQ, rule: `-m mark --mark ${bit}/${bit} -j MASQUERADE` },
    // The rules that masquerade pods would accept the packet, so this rule comes first.
    {
      chain: 'POSTROUTING',
      rule: `${comment('CNI portfwd requiring masquerade')} -j ${MASQ}`,
      first: true,
    },
  ];
}

/** Maps ports of the node to a pod. When two pods map the same port, the later one gets it. */
export function mapPortsByIptables(sys: Sys, env: Env, plan: IptablesPlan): void {
  const shared = sharedRules(plan.settings);
  const checks = shared.map(({ chain, rule }) => `-C ${chain} ${rule}`);
  for (const family of families) {
    const own = podLines(plan, family);
    if (own.length === 0) {
      continue;
    }
    if (!tryRestoreNat(sys, env, family, [...checks, ...own])) {
      locked(sys, () => addWithShared(sys, env, family, shared, own));
    }
  }
}

function addWithShared(
  sys: Sys,
  env: Env,
  family: Family,
  shared: readonly SharedRule[],
  own: readonly string[],
): void {
  for (let attempt = 1; ; attempt++) {
    const lines = [...missingOf(shared, savedNat(sys, env, family)), ...own];
    if (attempt === ATTEMPTS) {
      restoreNat(sys, env, family, lines);
      return;
    }
    if (tryRestoreNat(sys, env, family, lines)) {
      return;
    }
  }
}

/**
 * Runs `body` alone among the ADDs of this node, so that each shared rule is added once. The lock of iptables does not
 * help: two programs may both find a rule missing, and iptables-nft takes no lock. Without /run it runs unlocked.
 */
function locked(sys: Sys, body: () => void): void {
  let fd: number | undefined;
  try {
    fd = sys.open(LOCK, O_RDWR | O_CREAT, 0o600);
    sys.flock(fd, LOCK_EX);
  } catch {
    // The rules may then exist twice, which changes nothing for a packet.
  }
  try {
    body();
  } finally {
    if (fd !== undefined) {
      sys.close(fd);
    }
  }
}

function missingOf(shared: readonly SharedRule[], saved: readonly string[]): string[] {
  const chains = new Set([PORT_CHAINS.entry, ...shared.map(({ chain }) => chain)]);
  const isThere = (name: string) =>
    /^[A-Z]+$/.test(name) || saved.some((line) => line.startsWith(`:${name} `));
  return [
    ...[...chains].filter((name) => !isThere(name)).map((name) => `-N ${name}`),
    ...shared
      .filter(({ chain, rule }) => !saved.includes(`-A ${chain} ${rule}`))
      .map(({ chain, rule, first }) => `${first ? '-I' : '-A'} ${chain} ${rule}`),
  ];
}

/** Returns the lines that create or replace a pod's chain; empty when no port applies to the family. */
function podLines({ owner, ports, addresses, settings }: IptablesPlan, family: Family): string[] {
  const address = addresses[family];
  if (address === undefined || ports.length === 0) {
    return [];
  }
  const chain = natChainName(PORT_CHAINS, owner.network, owner.containerID);
  return [
    `:${chain} - [0:0]`,
    ...ofFamily(ports, family)
      .flatMap((port) => portRules(port, family, address, settings))
      .map((rule) => `-A ${chain} ${rule}`),
    // Each rule is inserted at the top, so insert them in reverse order.
    ...entryRules(owner, ports, settings.conditions[family])
      .reverse()
      .map((rule) => `-I ${PORT_CHAINS.entry} ${rule} -j ${chain}`),
  ];
}

function portRules(
  { protocol, hostPort, containerPort, hostIP }: HostPort,
  family: Family,
  address: string,
  { snat, masqAll, setMarkChain = SETMARK }: IptablesPlan['settings'],
): string[] {
  const isV6 = family === 'ipv6';
  const match = `-p ${protocol} --dport ${hostPort}${hostIP === undefined ? '' : ` -d ${hostIP}`}`;
  const all = isV6 ? '::/0' : '0.0.0.0/0';
  const sources = masqAll ? [all] : [subnetOf(address), ...(isV6 ? [] : ['127.0.0.1'])];
  const pod = isV6 ? `[${withoutLength(address)}]` : withoutLength(address);
  return [
    ...(snat ? sources.map((source) => `${match} -s ${source} -j ${setMarkChain}`) : []),
    `${match} -j DNAT --to-destination ${pod}:${containerPort}`,
  ];
}

/** Returns the rules that lead to a pod's chain: for each protocol, as many ports as fit into a rule. */
function entryRules(
  owner: PortPlan['owner'],
  ports: readonly HostPort[],
  conditions: readonly string[],
): string[] {
  const text = natComment(PORT_CHAINS, owner.network, owner.containerID);
  const comment = text.length > MAX_COMMENT ? `${text.slice(0, MAX_COMMENT - 3)}...` : text;
  const rules: string[] = [];
  for (const protocol of ['sctp', 'tcp', 'udp']) {
    const numbers = ports.filter((port) => port.protocol === protocol).map(({ hostPort }) => hostPort);
    for (let from = 0; from < numbers.length; from += MAX_PORTS_PER_RULE) {
      const list = numbers.slice(from, from + MAX_PORTS_PER_RULE).join(',');
      const match = `-m comment --comment ${quoted(comment)} -m multiport -p ${protocol} --destination-ports ${list}`;
      rules.push([match, ...conditions.map(argument)].join(' '));
    }
  }
  return rules;
}

/** Quotes an argument from the configuration, so that it stays one argument. */
function argument(text: string): string {
  return /^[\w./:,!-]+$/.test(text) ? text : quoted(text.replaceAll(/[\r\n]/g, ' '));
}

/** Lists what an attachment's ports lack. */
export function iptablesPortDifferences(sys: Sys, env: Env, plan: IptablesPlan): string[] {
  const chain = natChainName(PORT_CHAINS, plan.owner.network, plan.owner.containerID);
  return families.flatMap((family) => {
    const own = podLines(plan, family);
    if (own.length === 0) {
      return [];
    }
    const found = findNatChain(sys, env, family, PORT_CHAINS, chain);
    if (found === undefined) {
      return [`chain ${chain} is missing in the nat table of ${family}`];
    }
    const rules = own.filter((line) => line.startsWith('-A ')).length;
    const jumps = own.filter((line) => line.startsWith('-I ')).length;
    return [
      ...(found.rules >= rules ? [] : [`rules are missing in chain ${chain} of ${family}`]),
      ...(found.jumps >= jumps ? [] : [`${PORT_CHAINS.entry} of ${family} does not lead to chain ${chain}`]),
    ];
  });
}
