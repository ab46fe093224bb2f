import type { ByteOrder } from './bytes.ts';
import { Encoder } from './encoder.ts';

/** A message to send. A connection adds sequence, port ID and NLM_F_REQUEST | NLM_F_ACK. */
export interface Request {
  /** RTM_*, or the message types of another protocol. */
  type: number;
  /** NLM_F_CREATE and the like. */
  flags: number;
  /** The body, without the 16-byte header. */
  payload: Uint8Array;
  /** For errors and logs: "new link veth0 (veth)". */
  describe: string;
  /** The rest of a change that exceeds one message. An nftables transaction sends it right after this request. */
  more?: readonly Request[];
  /** Returns name and meaning of an errno that only this protocol has. */
  errno?: (errno: number) => readonly [name: string, meaning: string] | undefined;
}

/*
 * Builders are synchronous and copy the bytes before they return, so they share one buffer for each byte order. Every
 * use starts with a reset, so an error leaves nothing behind.
 */
const encoders: { [O in ByteOrder]?: Encoder } = {};

/** Returns an empty encoder. Finish a request before you start the next one. */
export function requestEncoder(order: ByteOrder): Encoder {
  encoders[order] ??= new Encoder(order, 1024);
  return encoders[order].reset();
}
