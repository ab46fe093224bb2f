import { refuseUnknown } from '../codec/table.ts';
import type { LinkSpec } from './link.ts';
import type { LinkKind, LinkKinds } from './link-kinds/index.ts';

/** Settings that the kernel reports and does not take. */
const readOnly: { readonly [K in LinkKind]?: readonly (keyof LinkKinds[K])[] } = {
  bond: ['aggregator'],
  bridge: [
    'rootId',
    'bridgeId',
    'rootPort',
    'rootPathCost',
    'topologyChange',
    'topologyChangeDetected',
    'helloTimer',
    'tcnTimer',
    'topologyChangeTimer',
    'gcTimer',
    'fdbLearned',
  ],
  macvlan: ['bcQueueLengthUsed', 'macAddressCount'],
  macvtap: ['bcQueueLengthUsed', 'macAddressCount'],
  netkit: ['primary'],
};

/**
 * Returns a spec that creates a decoded link again; other specs stay as they are. `addrGenMode` is left out, because the
 * kernel refuses it at creation.
 *
 * @throws {NetlinkEncodeError} when the settings of the kind have attributes without a field
 */
export function flatten(spec: LinkSpec): LinkSpec {
  const { kind } = spec;
  const decoded = kind === undefined ? undefined : (spec as unknown as DecodedSpec)[kind];
  if (kind === undefined || decoded === undefined) {
    return spec;
  }
  refuseUnknown(`Link of kind ${kind}`, decoded.unknown);
  const { addrGenMode: _, ...rest } = spec;
  const values = Object.entries(decoded).map(([key, value]) => [
    key,
    accepted(kind, decoded.mode, key, value),
  ]);
  return { ...Object.fromEntries(values), ...rest } as LinkSpec;
}

type DecodedSpec = Record<string, { mode?: unknown; unknown?: [] } | undefined>;

/** VLAN_FLAG_* that the kernel accepts in a mask. It reports all bits as one. */
const VLAN_FLAGS = 31;

const lacp = ['802.3ad'];
const oneActive = ['active-backup', 'balance-tlb', 'balance-alb'];
const arp = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast'];
/** Modes of a bond that have the setting. The kernel reports it in the others, too, and refuses it there. */
const bondModes: { readonly [K in keyof LinkKinds['bond']]?: readonly string[] } = {
  activePort: oneActive,
  primary: oneActive,
  packetsPerPort: ['balance-rr'],
  arpInterval: arp,
  arpValidate: arp,
  missedMax: arp,
  lacpRate: lacp,
  lacpActive: lacp,
  adActorSystemPriority: lacp,
  adActorSystem: lacp,
  adUserPortKey: lacp,
  coupledControl: lacp,
  tlbDynamic: ['balance-tlb', 'balance-alb'],
};

/** Returns the value to send, or undefined for one that the kernel reports but refuses. */
function accepted(kind: LinkKind, mode: unknown, key: string, value: unknown): unknown {
  if (readOnly[kind]?.includes(key as never)) {
    return undefined;
  }
  switch (`${kind}.${key}`) {
    case 'vlan.vlanFlags': {
      const { flags, mask } = value as { flags: number; mask: number };
      return { flags, mask: mask & VLAN_FLAGS };
    }
    // A kernel without the feature refuses even the default.
    case 'bridge.vlanFiltering':
    // The kernel ignores the TTL beside it.
    case 'geneve.ttlInherit':
    // The kernel counts their mere presence as use of the header's bits.
    case 'vxlan.remCsumRx':
    case 'vxlan.remCsumTx':
      return value === false ? undefined : value;
    case 'bridge.options':
      return (value as Uint8Array).subarray(0, 4).some((byte) => byte !== 0) ? value : undefined;
    default: {
      const modes = kind === 'bond' ? bondModes[key as keyof LinkKinds['bond']] : undefined;
      return modes === undefined || modes.includes(mode as string) ? value : undefined;
    }
  }
}
