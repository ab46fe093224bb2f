import { bridge } from './bridge.ts';
import type { LinkKindCodec } from './kind.ts';
import { veth } from './veth.ts';

/** The kinds of links of pods, for programs that must stay small. */
export const podKinds = { bridge, ifb: { table: {} }, veth } satisfies Record<string, LinkKindCodec>;
