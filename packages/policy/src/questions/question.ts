import type { Protocol } from '../decide.ts';
import type { Service } from '../matrix.ts';

/** Reports an invalid question, such as a port that is not a number. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError';
}

/** A question about a cluster. Each kind uses some of the fields. */
export interface Question {
  /** Source of `why`: `namespace/name` of a pod, or an IP address. */
  from?: string | undefined;
  /** Destination of `why`. */
  to?: Destination | undefined;
  /** Endpoints that `matrix` adds to the pods. */
  endpoints?: readonly string[] | undefined;
  /** Ports that `matrix` asks for. */
  services?: readonly Service[] | undefined;
  /** Namespaces of the pods of `matrix`; an empty list means all. */
  namespaces?: readonly string[] | undefined;
  /** Node whose rules `nft` prints. */
  node?: string | undefined;
  /** Pod network of that node. */
  podCIDRs?: readonly string[] | undefined;
}

/** An endpoint, and the protocol and port to reach there. */
export interface Destination {
  endpoint: string;
  service: Service;
}

const PROTOCOLS: readonly string[] = ['TCP', 'UDP', 'SCTP', 'ICMP'] satisfies Protocol[];

/**
 * Parses `ENDPOINT:PORT[/PROTOCOL]`, `[ADDRESS]:PORT[/PROTOCOL]` for IPv6, or `ENDPOINT/ICMP`.
 *
 * @throws {QuestionError} when the text has another form, or the port is invalid
 */
export function parseDestination(text: string): Destination {
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:]+))(?::(?<port>[^:]+)|\/(?<icmp>ICMP))$/.exec(
    text,
  );
  const { bracketed, plain, port, icmp } = match?.groups ?? {};
  const endpoint = bracketed ?? plain;
  if (endpoint === undefined) {
    throw new QuestionError(
      `Invalid --to ${text}: expected ENDPOINT:PORT, such as shop/db:5432 or [fd00::1]:53/UDP`,
    );
  }
  return { endpoint, service: icmp ? { protocol: 'ICMP' } : parseService(port!, text) };
}

/**
 * Parses `PORT[/PROTOCOL]`. An error quotes `whole`.
 *
 * @throws {QuestionError} when the port is not a number of 1 to 65535, or the protocol is unknown
 */
export function parseService(text: string, whole: string = text): Service {
  const [port = '', protocol = 'TCP', ...rest] = text.toUpperCase().split('/');
  const number = Number(port);
  if (
    rest.length > 0 ||
    !PROTOCOLS.includes(protocol) ||
    !/^\d+$/.test(port) ||
    number < 1 ||
    number > 65_535
  ) {
    throw new QuestionError(`Invalid port in ${whole}: expected a number of 1 to 65535, or NUMBER/PROTOCOL`);
  }
  return { protocol: protocol as Protocol, port: number };
}
