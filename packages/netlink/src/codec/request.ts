import type { ByteOrder } from './bytes.ts';
import { Encoder } from './encoder.ts';

/** A message to be sent: a pure value. A connection adds sequence, port id and NLM_F_REQUEST | NLM_F_ACK. */
export interface Request {
  /** RTM_*, or what the protocol has. */
  type: number;
  /** NLM_F_CREATE and the like. */
  flags: number;
  /** The body, without the 16-byte header. */
  payload: Uint8Array;
  /** For errors and logs: "new link veth0 (veth)". */
  describe: string;
}

/*
 * Builders are synchronous and copy the bytes out before they return, so one
 * buffer for each byte order serves them all; an error midway leaves nothing
 * behind because every use starts by a reset.
 */
const encoders: { [O in ByteOrder]?: Encoder } = {};

/** An empty encoder for a request that is built and finished before the next one is begun. */
export function requestEncoder(order: ByteOrder): Encoder {
  encoders[order] ??= new Encoder(order, 1024);
  return encoders[order].reset();
}
