import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader } from '../../codec/reader.ts';
import { type Decoded, readFields, type Table, type Values, writeFields } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';

/** BOND_MODE_*. */
const modes = {
  0: 'balance-rr',
  1: 'active-backup',
  2: 'balance-xor',
  3: 'broadcast',
  4: '802.3ad',
  5: 'balance-tlb',
  6: 'balance-alb',
} as const;
const arpValidations = {
  0: 'none',
  1: 'active',
  2: 'backup',
  3: 'all',
  4: 'filter',
  5: 'filter_active',
  6: 'filter_backup',
} as const;
/** BOND_XMIT_POLICY_*. */
const hashPolicies = {
  0: 'layer2',
  1: 'layer3+4',
  2: 'layer2+3',
  3: 'encap2+3',
  4: 'encap3+4',
  5: 'vlan+srcmac',
} as const;
const reselections = { 0: 'always', 1: 'better', 2: 'failure' } as const;
const failOverMacs = { 0: 'none', 1: 'active', 2: 'follow' } as const;
const selections = { 0: 'stable', 1: 'bandwidth', 2: 'count' } as const;

const bondTable = {
  mode: [1, 'u8', 'IFLA_BOND_MODE', modes],
  /** Index of the active port. */
  activePort: [2, 'u32', 'IFLA_BOND_ACTIVE_SLAVE'],
  /** Milliseconds, here and in the two delays. */
  miimon: [3, 'u32', 'IFLA_BOND_MIIMON'],
  upDelay: [4, 'u32', 'IFLA_BOND_UPDELAY'],
  downDelay: [5, 'u32', 'IFLA_BOND_DOWNDELAY'],
  useCarrier: [6, 'bool', 'IFLA_BOND_USE_CARRIER'],
  /** Milliseconds. */
  arpInterval: [7, 'u32', 'IFLA_BOND_ARP_INTERVAL'],
  arpValidate: [9, 'u32', 'IFLA_BOND_ARP_VALIDATE', arpValidations],
  arpAllTargets: [10, 'u32', 'IFLA_BOND_ARP_ALL_TARGETS', { 0: 'any', 1: 'all' }],
  /** Index of the preferred port. */
  primary: [11, 'u32', 'IFLA_BOND_PRIMARY'],
  primaryReselect: [12, 'u8', 'IFLA_BOND_PRIMARY_RESELECT', reselections],
  failOverMac: [13, 'u8', 'IFLA_BOND_FAIL_OVER_MAC', failOverMacs],
  hashPolicy: [14, 'u8', 'IFLA_BOND_XMIT_HASH_POLICY', hashPolicies],
  resendIgmp: [15, 'u32', 'IFLA_BOND_RESEND_IGMP'],
  peerNotifications: [16, 'u8', 'IFLA_BOND_NUM_PEER_NOTIF'],
  allPortsActive: [17, 'bool', 'IFLA_BOND_ALL_SLAVES_ACTIVE'],
  minLinks: [18, 'u32', 'IFLA_BOND_MIN_LINKS'],
  lpInterval: [19, 'u32', 'IFLA_BOND_LP_INTERVAL'],
  packetsPerPort: [20, 'u32', 'IFLA_BOND_PACKETS_PER_SLAVE'],
  lacpRate: [21, 'u8', 'IFLA_BOND_AD_LACP_RATE', { 0: 'slow', 1: 'fast' }],
  adSelect: [22, 'u8', 'IFLA_BOND_AD_SELECT', selections],
  adActorSystemPriority: [24, 'u16', 'IFLA_BOND_AD_ACTOR_SYS_PRIO'],
  adUserPortKey: [25, 'u16', 'IFLA_BOND_AD_USER_PORT_KEY'],
  adActorSystem: [26, 'mac', 'IFLA_BOND_AD_ACTOR_SYSTEM'],
  tlbDynamic: [27, 'bool', 'IFLA_BOND_TLB_DYNAMIC_LB'],
  peerNotificationDelay: [28, 'u32', 'IFLA_BOND_PEER_NOTIF_DELAY'],
  lacpActive: [29, 'bool', 'IFLA_BOND_AD_LACP_ACTIVE'],
  missedMax: [30, 'u8', 'IFLA_BOND_MISSED_MAX'],
  coupledControl: [32, 'bool', 'IFLA_BOND_COUPLED_CONTROL'],
} as const satisfies Table;

/** Read only: the active aggregator of mode 802.3ad. */
const aggregatorTable = {
  id: [1, 'u16', 'IFLA_BOND_AD_INFO_AGGREGATOR'],
  ports: [2, 'u16', 'IFLA_BOND_AD_INFO_NUM_PORTS'],
  actorKey: [3, 'u16', 'IFLA_BOND_AD_INFO_ACTOR_KEY'],
  partnerKey: [4, 'u16', 'IFLA_BOND_AD_INFO_PARTNER_KEY'],
  partnerMac: [5, 'mac', 'IFLA_BOND_AD_INFO_PARTNER_MAC'],
} as const satisfies Table;

const portTable = {
  state: [1, 'u8', 'IFLA_BOND_SLAVE_STATE', { 0: 'active', 1: 'backup' }],
  miiStatus: [2, 'u8', 'IFLA_BOND_SLAVE_MII_STATUS', { 0: 'up', 1: 'fail', 2: 'down', 3: 'back' }],
  linkFailures: [3, 'u32', 'IFLA_BOND_SLAVE_LINK_FAILURE_COUNT'],
  permanentMac: [4, 'mac', 'IFLA_BOND_SLAVE_PERM_HWADDR'],
  queueId: [5, 'u16', 'IFLA_BOND_SLAVE_QUEUE_ID'],
  aggregatorId: [6, 'u16', 'IFLA_BOND_SLAVE_AD_AGGREGATOR_ID'],
  actorPortState: [7, 'u8', 'IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE'],
  partnerPortState: [8, 'u16', 'IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE'],
  priority: [9, 's32', 'IFLA_BOND_SLAVE_PRIO'],
} as const satisfies Table;

/** State of a link as a port of a bond. */
export type BondPort = Values<typeof portTable>;

const IFLA_BOND_ARP_IP_TARGET = 8;
const IFLA_BOND_AD_INFO = 23;
const IFLA_BOND_NS_IP6_TARGET = 31;

/** A bond: several links as one. */
export interface BondAttributes extends Values<typeof bondTable> {
  /** IPv4 addresses that ARP requests check the links with. */
  arpTargets?: string[];
  /** IPv6 addresses that neighbour solicitations check the links with. */
  nsTargets?: string[];
  /** Read only: the active aggregator of mode 802.3ad. */
  aggregator?: Decoded<typeof aggregatorTable>;
}

export const bond: LinkKindCodec = {
  table: bondTable,
  port: portTable,
  write(encoder: Encoder, spec: BondAttributes): void {
    writeFields(encoder, bondTable, spec);
    writeTargets(encoder, IFLA_BOND_ARP_IP_TARGET, spec.arpTargets, 'arpTargets');
    writeTargets(encoder, IFLA_BOND_NS_IP6_TARGET, spec.nsTargets, 'nsTargets');
  },
  read(reader: AttributeReader, into: BondAttributes): boolean {
    switch (reader.type) {
      case IFLA_BOND_ARP_IP_TARGET:
        into.arpTargets = readTargets(reader, 'IFLA_BOND_ARP_IP_TARGET');
        return true;
      case IFLA_BOND_NS_IP6_TARGET:
        into.nsTargets = readTargets(reader, 'IFLA_BOND_NS_IP6_TARGET');
        return true;
      case IFLA_BOND_AD_INFO:
        into.aggregator = readFields(reader.attributes('IFLA_BOND_AD_INFO'), aggregatorTable);
        return true;
      default:
        return false;
    }
  },
};

/** Writes a list whose attribute types are the positions. */
function writeTargets(
  encoder: Encoder,
  type: number,
  targets: readonly string[] | undefined,
  what: string,
): void {
  if (targets === undefined) {
    return;
  }
  const token = encoder.nest(type);
  for (const [i, target] of targets.entries()) {
    encoder.address(i, target, what);
  }
  encoder.end(token);
}

function readTargets(reader: AttributeReader, name: string): string[] {
  const targets: string[] = [];
  const list = reader.attributes(name);
  while (list.next()) {
    targets.push(list.address(name));
  }
  return targets;
}
