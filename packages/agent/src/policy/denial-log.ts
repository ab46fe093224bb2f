/** Logs the packets that policies deny, with the pods at both ends and the policies that decided. */
import { type LoggedPacket, type PacketHeader, packetHeader } from '@cnikit/netlink/nflog';
import { type Connection, type Direction, evaluate, type Ruleset } from '@cnikit/policy/compile';
import type { Log } from '../core/log.ts';
import { protocolOf } from './protocols.ts';

/** The rules that the kernel has, and the pods that they concern. */
export interface PolicyState {
  readonly ruleset: Ruleset;
  /** Returns the pod that has an address, as `namespace/name`. */
  podAt(address: string): string | undefined;
  /** Returns the addresses of the pod behind a link by its index, if that pod may send from other source addresses. */
  ownAddresses(link: number): readonly string[];
}

/** Logs one line for each packet until the events end. */
export async function logDenials(
  events: AsyncIterable<{ type: string }>,
  state: PolicyState,
  log: Log,
): Promise<void> {
  for await (const event of events) {
    const denial = event.type === 'packet' ? denialOf(event as unknown as LoggedPacket, state) : undefined;
    if (denial !== undefined) {
      const { message, ...fields } = denial;
      log.info(fields, message);
    }
  }
}

/** A line of the log. */
export interface Denial {
  /** Direction of the rules that denied; absent where the rules have changed since, or no known pod has the address. */
  denied?: Direction | undefined;
  protocol: string;
  source: string;
  sourcePod?: string | undefined;
  destination: string;
  destinationPod?: string | undefined;
  port?: number | undefined;
  /** Policies that isolate the pod, as `namespace/name`. */
  policies: readonly string[];
  message: string;
}

/** Protocols that policies cannot name. */
const OTHERS: Readonly<Record<number, string>> = { 1: 'ICMP', 58: 'ICMPv6' };

/** Describes a packet that the rules denied. Returns undefined when it is not an IP packet. */
export function denialOf(
  { packet, inputIndex }: Pick<LoggedPacket, 'packet' | 'inputIndex'>,
  state: PolicyState,
): Denial | undefined {
  const header = packetHeader(packet);
  if (header === undefined) {
    return undefined;
  }
  const { source, destination, protocol, destinationPort: port } = header;
  const own = ownAddress(source, inputIndex, state);
  const [sourcePod, destinationPod] = [state.podAt(own), state.podAt(destination)];
  const name = protocolOf(protocol) ?? OTHERS[protocol] ?? `protocol ${protocol}`;
  const { denied, policies, reason } = decision(header, state, { own, sourcePod, destinationPod });
  const at = (pod: string | undefined, address: string) =>
    pod === undefined ? address : `${pod} (${address})`;
  const service = port === undefined ? '' : ` port ${port}`;
  return {
    denied,
    protocol: name,
    source,
    sourcePod,
    destination,
    destinationPod,
    port,
    policies,
    message: `Denied ${name} from ${at(sourcePod, source)} to ${at(destinationPod, destination)}${service}: ${reason}`,
  };
}

/** Returns the address of the pod that sent a packet: as in the table, the link decides where the source does not. */
function ownAddress(source: string, link: number | undefined, state: PolicyState): string {
  const { egress } = state.ruleset.pods;
  return link === undefined || egress.has(source)
    ? source
    : (state.ownAddresses(link).find((address) => egress.has(address)) ?? source);
}

interface Decision {
  denied?: Direction | undefined;
  policies: readonly string[];
  reason: string;
}

function decision(
  header: PacketHeader,
  { ruleset }: PolicyState,
  { own, sourcePod, destinationPod }: { own: string; sourcePod?: string; destinationPod?: string },
): Decision {
  const { source, destination, destinationPort: port } = header;
  const connection: Connection = { source, destination, protocol: protocolOf(header.protocol), port };
  const evaluations = [
    ['egress', evaluate(ruleset, 'egress', { ...connection, source: own })],
    ['ingress', evaluate(ruleset, 'ingress', connection)],
  ] as const;
  for (const [denied, evaluation] of evaluations) {
    if (evaluation?.allowed === false) {
      const pod = denied === 'egress' ? (sourcePod ?? source) : (destinationPod ?? destination);
      const { policies } = evaluation;
      return { denied, policies, reason: `no rule for ${denied} of ${pod} in ${policies.join(', ')}` };
    }
  }
  return {
    policies: [],
    reason: evaluations.every(([, evaluation]) => evaluation === undefined)
      ? 'no known pod of this node has the address'
      : 'the rules have changed since',
  };
}
