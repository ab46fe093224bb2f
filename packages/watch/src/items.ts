import { parseJson } from './arrived.ts';
import { WatchError } from './errors.ts';
import { Unfinished } from './unfinished.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** Everything of a list but its items is small; more than this is no Kubernetes list. */
const ENVELOPE_LIMIT = 64 * 1024;

/** What stays of a list when its items are taken out. */
export interface ListEnvelope {
  metadata?: { resourceVersion?: string; continue?: string };
}

/**
 * Takes a Kubernetes list apart while it arrives: each object of its `items` is handed out
 * alone, so that memory holds one item and not the list. Bytes are only scanned for strings and
 * brackets; who takes an item is to judge it.
 */
export class ItemSplitter {
  readonly #maxItemBytes: number;
  readonly #take: (item: Buffer) => void;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inItems = false;
  #inItem = false;
  #sawItems = false;
  readonly #unfinished = new Unfinished();
  #envelope = '';

  /** What `take` is given is good until it returns. */
  constructor(maxItemBytes: number, take: (item: Buffer) => void) {
    this.#maxItemBytes = maxItemBytes;
    this.#take = take;
  }

  /** Hands out the items that this chunk completes. Throws PROTOCOL for what is no list, or an item over the limit. */
  push(chunk: Uint8Array): void {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    let at = 0;
    while (at < buffer.length) {
      if (this.#inString) {
        at = this.#skipString(buffer, at);
        continue;
      }
      const byte = buffer[at]!;
      if (this.#inItems && !this.#inItem) {
        start = at;
        if (byte === OPEN_BRACE) {
          this.#inItem = true;
        } else if (byte === CLOSE_BRACKET) {
          this.#inItems = false;
        } else if (byte !== COMMA && byte > 0x20) {
          throw malformed('an item that is no object');
        }
      }
      at += 1;
      if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.#depth += 1;
        if (byte === OPEN_BRACKET && this.#depth === 2) {
          this.#openValue(buffer, start, at);
          start = at;
        }
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth -= 1;
        if (this.#depth < 0) {
          throw malformed('a closing bracket too many');
        }
        if (this.#inItem && this.#depth === 2) {
          this.#handOut(buffer, start, at);
          start = at;
        }
      }
    }
    this.#keep(buffer, start);
  }

  /** The rest of the list. Throws PROTOCOL when the list is not complete. */
  end(): ListEnvelope {
    if (this.#depth !== 0 || this.#inString) {
      throw malformed('no end');
    }
    const envelope = parseJson(Buffer.from(this.#envelope, 'latin1'), 'a list') as ListEnvelope & {
      items?: unknown;
    };
    // Go writes an empty list of some types as null.
    if (!this.#sawItems && envelope?.items !== null) {
      throw malformed('no items');
    }
    return envelope;
  }

  #skipString(buffer: Buffer, from: number): number {
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at += 1;
    }
    for (; at < buffer.length; at += 1) {
      const byte = buffer[at]!;
      if (byte === QUOTE) {
        this.#inString = false;
        return at + 1;
      }
      if (byte === BACKSLASH) {
        at += 1;
        if (at === buffer.length) {
          this.#escaped = true;
        }
      }
    }
    return at;
  }

  /** After the `[` of a value of the list itself: are these its items? */
  #openValue(buffer: Buffer, start: number, end: number): void {
    this.#addToEnvelope(buffer.toString('latin1', start, end));
    if (/"items"\s*:\s*\[$/.test(this.#envelope)) {
      if (this.#sawItems) {
        throw malformed('items twice');
      }
      this.#sawItems = true;
      this.#inItems = true;
    }
  }

  #handOut(buffer: Buffer, start: number, end: number): void {
    this.#inItem = false;
    this.#limit(end - start);
    this.#take(this.#unfinished.finish(buffer.subarray(start, end)));
  }

  #keep(buffer: Buffer, start: number): void {
    if (this.#inItem) {
      this.#limit(buffer.length - start);
      this.#unfinished.add(buffer.subarray(start));
    } else if (!this.#inItems) {
      this.#addToEnvelope(buffer.toString('latin1', start));
    }
  }

  #limit(more: number): void {
    if (this.#unfinished.size + more > this.#maxItemBytes) {
      throw malformed(`an object of more than ${this.#maxItemBytes} bytes`);
    }
  }

  /** As latin1: a character may be split over chunks, and nothing that is read here is beyond ASCII. */
  #addToEnvelope(text: string): void {
    this.#envelope += text;
    if (this.#envelope.length > ENVELOPE_LIMIT) {
      throw malformed('something too large to be the head of a list');
    }
  }
}

function malformed(what: string): WatchError {
  return new WatchError('PROTOCOL', `The API server sent a list with ${what}`);
}
