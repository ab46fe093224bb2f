import { ChunkBuffer } from './chunk-buffer.ts';
import { WatchError } from './errors.ts';
import { parseJson } from './incoming-object.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** Maximum size of a list without its items, bytes; Kubernetes lists stay far below. */
const ENVELOPE_LIMIT = 64 * 1024;

/** A list without its items. */
export interface ListEnvelope {
  metadata?: { resourceVersion?: string; continue?: string };
}

/** Reads the chunks of a list. */
export interface ListReader {
  push(chunk: Uint8Array): void;
  end(): ListEnvelope;
}

/**
 * Splits a Kubernetes list as it arrives and passes each object of `items` on alone, so that memory holds one item and
 * not the list. Bytes are only scanned for strings and brackets; the consumer validates each item.
 */
export class ItemSplitter implements ListReader {
  readonly #maxItemBytes: number;
  readonly #take: (item: Buffer) => void;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inItems = false;
  #inItem = false;
  #sawItems = false;
  readonly #unfinished = new ChunkBuffer();
  #envelope = '';

  /** The bytes passed to `take` are valid until it returns. */
  constructor(maxItemBytes: number, take: (item: Buffer) => void) {
    this.#maxItemBytes = maxItemBytes;
    this.#take = take;
  }

  /**
   * Passes on the items completed by this chunk.
   *
   * @throws {WatchError} PROTOCOL when the input is not a list or an item exceeds the limit
   */
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
          throw malformed('an item that is not an object');
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

  /**
   * Returns the list without its items.
   *
   * @throws {WatchError} PROTOCOL when the list is incomplete
   */
  end(): ListEnvelope {
    if (this.#depth !== 0 || this.#inString) {
      throw malformed('no end');
    }
    const envelope = parseJson(Buffer.from(this.#envelope, 'latin1'), 'a list') as ListEnvelope & {
      items?: unknown;
    };
    // Go encodes a nil slice as null.
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

  /** Checks whether the `[` just read opens the list's own items. */
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

  /** Decoded as latin1: a character may be split across chunks, and only ASCII matters here. */
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
