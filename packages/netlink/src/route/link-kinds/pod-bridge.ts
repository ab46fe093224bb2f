/** The settings of bridges and ports that networks of pods have. Executables contain no others. */
import type { Table } from '../../codec/table.ts';

export const podBridgeTable = {
  vlanFiltering: [7, 'bool', 'IFLA_BR_VLAN_FILTERING'],
  /** 0: ports get no VLAN by default. */
  vlanDefaultPvid: [39, 'u16', 'IFLA_BR_VLAN_DEFAULT_PVID'],
} as const satisfies Table;

export const podPortTable = {
  /** Frames may leave through the port that they entered. */
  hairpin: [4, 'bool', 'IFLA_BRPORT_MODE'],
  /** Isolated ports cannot reach each other. */
  isolated: [33, 'bool', 'IFLA_BRPORT_ISOLATED'],
} as const satisfies Table;
