import type { LinkKindCodec } from './kind.ts';
import { podBridgeTable, podPortTable } from './pod-bridge.ts';
import { veth } from './veth.ts';

/** The kinds of links of pods with the settings of pods' networks, for programs that must stay small. */
export const podKinds = {
  bridge: { table: podBridgeTable, port: podPortTable },
  ifb: { table: {} },
  veth,
} satisfies Record<string, LinkKindCodec>;
