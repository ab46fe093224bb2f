import type { Connection } from '@cnikit/policy';

const PROTOCOLS: Readonly<Record<number, Connection['protocol']>> = { 6: 'TCP', 17: 'UDP', 132: 'SCTP' };

/** Returns the protocol of an IPPROTO_ number that policies can name. */
export const protocolOf = (number: number): Connection['protocol'] => PROTOCOLS[number];
