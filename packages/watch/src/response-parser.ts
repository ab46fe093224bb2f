/** Parses one response of HTTP/1.1 (RFC 9112) from bytes, without copying its body. */

/** Maximum size of the head, and of a chunk's head or the trailers. */
const HEAD_LIMIT = 64 * 1024;
const CR = 0x0d;
const LF = 0x0a;

export interface ResponseHead {
  status: number;
  /** Values by name in lower case; those of one name are joined by commas. */
  headers: ReadonlyMap<string, string>;
}

/** Consumers of a response; both are called synchronously. */
export interface ResponseConsumer {
  head(head: ResponseHead): void;
  /** Takes a piece of the body, which is valid until it returns. */
  body(piece: Uint8Array): void;
}

export class ResponseParser {
  readonly #consumer: ResponseConsumer;
  #next: 'head' | 'counted' | 'until close' | 'chunk head' | 'chunk' | 'chunk end' | 'trailer' | 'done' =
    'head';
  /** The lines that have arrived of a head. */
  #text = '';
  /** Bytes that are left of the body or of its chunk. */
  #left = 0;

  constructor(consumer: ResponseConsumer) {
    this.#consumer = consumer;
  }

  /** True once the response is complete. */
  get done(): boolean {
    return this.#next === 'done';
  }

  /**
   * Takes the bytes that have arrived.
   *
   * @throws {Error} when they are not a response
   */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      switch (this.#next) {
        case 'counted':
        case 'until close':
        case 'chunk':
          at = this.#body(bytes, at);
          break;
        case 'done':
          return;
        default: {
          const end = bytes.indexOf(LF, at) + 1;
          this.#text += bytes.toString('latin1', at, end === 0 ? bytes.length : end);
          if (this.#text.length > HEAD_LIMIT) {
            throw new Error('The response has a head that is too large');
          }
          if (end === 0) {
            return;
          }
          at = end;
          this.#line();
        }
      }
    }
  }

  /**
   * Takes the end of the connection.
   *
   * @throws {Error} when the response is incomplete
   */
  end(): void {
    if (this.#next === 'until close') {
      this.#next = 'done';
    }
    if (this.#next !== 'done') {
      throw new Error('aborted');
    }
  }

  #body(bytes: Buffer, at: number): number {
    const end = this.#next === 'until close' ? bytes.length : Math.min(at + this.#left, bytes.length);
    this.#left -= end - at;
    if (this.#left === 0 && this.#next !== 'until close') {
      this.#next = this.#next === 'chunk' ? 'chunk end' : 'done';
    }
    this.#consumer.body(bytes.subarray(at, end));
    return end;
  }

  /** Takes the end of a line. A head ends with an empty one. */
  #line(): void {
    const text = this.#text;
    if (text.charCodeAt(text.length - 2) !== CR) {
      throw new Error('The response has a line without CR');
    }
    if (this.#next === 'head') {
      if (text.endsWith('\r\n\r\n')) {
        this.#text = '';
        this.#head(text.slice(0, -4).split('\r\n'));
      }
      return;
    }
    if (this.#next === 'trailer') {
      // Trailers are not used.
      if (text === '\r\n' || text.endsWith('\r\n\r\n')) {
        this.#next = 'done';
      }
      return;
    }
    this.#text = '';
    if (this.#next === 'chunk end') {
      if (text !== '\r\n') {
        throw new Error('The response has a chunk of another size');
      }
      this.#next = 'chunk head';
      return;
    }
    // Extensions follow the size.
    const size = /^([0-9a-fA-F]{1,13})[ \t]*(?:;[^\r]*)?\r\n$/.exec(text)?.[1];
    if (size === undefined) {
      throw new Error('The response has a chunk without size');
    }
    this.#left = Number.parseInt(size, 16);
    this.#next = this.#left === 0 ? 'trailer' : 'chunk';
  }

  #head([first = '', ...lines]: string[]): void {
    const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first)?.[1]);
    if (Number.isNaN(status) || status === 101) {
      throw new Error('The response is not HTTP/1.1');
    }
    if (status < 200) {
      return;
    }
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) {
        throw new Error('The response has an invalid header');
      }
      const key = name.toLowerCase();
      const before = headers.get(key);
      headers.set(key, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
    }
    this.#frame(status, headers.get('transfer-encoding'), headers.get('content-length'));
    this.#consumer.head({ status, headers });
  }

  /** Decides how the body ends (RFC 9112 section 6.3). */
  #frame(status: number, encoding: string | undefined, length: string | undefined): void {
    if (encoding !== undefined && (encoding.toLowerCase() !== 'chunked' || length !== undefined)) {
      throw new Error(`The response has transfer-encoding ${encoding}`);
    }
    if (length !== undefined && !/^\d{1,15}$/.test(length)) {
      throw new Error(`The response has content-length ${length}`);
    }
    this.#left = Number(length);
    if (status === 204 || status === 304 || this.#left === 0) {
      this.#next = 'done';
    } else if (encoding === undefined) {
      this.#next = length === undefined ? 'until close' : 'counted';
    } else {
      this.#next = 'chunk head';
    }
  }
}
