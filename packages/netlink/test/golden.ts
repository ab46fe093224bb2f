import { readFileSync } from 'node:fs';
import { MessageReader } from '../src/codec/message.ts';

/** A file of testdata: see scripts/capture-goldens.mjs. */
export interface Golden {
  command: string;
  kernel: string;
  tool: string;
  date: string;
  /** The message that the command sent, in hexadecimal. */
  request: string;
  answers?: string[];
}

export function golden(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`../testdata/${name}.json`, import.meta.url), 'utf8'));
}

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The first message of the hexadecimal text. */
export function firstMessage(hex: string): MessageReader {
  const message = new MessageReader(fromHex(hex));
  message.next();
  return message;
}

/** Returns the results of `decode` for the messages that it accepts. */
export function decodeAll<T>(
  hexes: readonly string[],
  type: number,
  decode: (message: MessageReader) => T,
): T[] {
  const all: T[] = [];
  for (const hex of hexes) {
    const message = new MessageReader(fromHex(hex));
    while (message.next()) {
      if (message.type === type) {
        all.push(decode(message));
      }
    }
  }
  return all;
}
