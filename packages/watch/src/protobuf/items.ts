import { ChunkBuffer } from '../chunk-buffer.ts';
import { WatchError } from '../errors.ts';
import { asProtocolError, fromFields, type IncomingObject } from '../incoming-object.ts';
import type { ListEnvelope, ListReader } from '../items.ts';
import { MAGIC, UNKNOWN } from './envelope.ts';
import { IDENTITY, MARKS } from './identity.ts';
import type { Message } from './message.ts';
import { MessageReader } from './reader.ts';
import { BYTES, fixedLength, ProtobufError, unusable, VARINT } from './wire.ts';

/** Numbers of every list. */
const LIST = { metadata: 1, items: 2 } as const;
const METADATA: Message = { resourceVersion: [2, 'string'], continue: [3, 'string'] };
/** Maximum size of a list's metadata, bytes. */
const METADATA_LIMIT = 64 * 1024;
const MAX_SCALE = 2 ** 63;

/** Reads a list as it arrives and passes on each object alone, so that memory holds one. */
export class ProtobufListReader implements ListReader {
  readonly #maxItemBytes: number;
  readonly #take: (object: IncomingObject) => void;
  readonly #reader: MessageReader;
  readonly #metadata = new MessageReader(METADATA);
  readonly #unfinished = new ChunkBuffer();
  /** Position in the response. */
  #at = 0;
  /** Position of the list's end; undefined outside of the list. */
  #listEnd: number | undefined;
  #sawList = false;
  /** Part of the field that comes next. */
  #next: 'tag' | 'number' | 'length' | 'value' = 'tag';
  /** The varint that is being read, and the weight of its next digit. */
  #varint = 0;
  #scale = 1;
  #field = 0;
  /** Bytes of the value that are still to come. */
  #left = 0;
  #envelope: ListEnvelope = {};

  /** Objects are valid until `take` returns. */
  constructor(message: Message, maxItemBytes: number, take: (object: IncomingObject) => void) {
    this.#maxItemBytes = maxItemBytes;
    this.#take = take;
    this.#reader = new MessageReader(message, IDENTITY, MARKS.count);
  }

  /**
   * Passes on the objects completed by this chunk.
   *
   * @throws {WatchError} PROTOCOL when the input is not a list or an object exceeds the limit
   */
  push(chunk: Uint8Array): void {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < buffer.length; ) {
      const end = this.#next === 'value' ? Math.min(at + this.#left, buffer.length) : at + 1;
      this.#at += end - at;
      if (this.#next === 'value') {
        this.#value(buffer.subarray(at, end));
      } else {
        const byte = buffer[at]!;
        asProtocolError('a list', 'protobuf', () => this.#byte(byte));
      }
      at = end;
      if (this.#listEnd !== undefined && this.#at >= this.#listEnd && this.#betweenFields()) {
        this.#listEnd = undefined;
        this.#sawList = true;
      }
    }
  }

  /**
   * Returns the list without its items.
   *
   * @throws {WatchError} PROTOCOL when the list is incomplete
   */
  end(): ListEnvelope {
    if (!this.#sawList || this.#listEnd !== undefined || !this.#betweenFields()) {
      throw new WatchError('PROTOCOL', 'The API server sent a list with no end');
    }
    return this.#envelope;
  }

  #betweenFields(): boolean {
    return this.#next === 'tag' && this.#scale === 1;
  }

  /** Takes a byte of the magic number, a tag, a length or a number. */
  #byte(byte: number): void {
    if (this.#at <= MAGIC.length) {
      if (byte !== MAGIC[this.#at - 1]) {
        throw new ProtobufError('No magic number', this.#at - 1);
      }
      return;
    }
    this.#varint += (byte & 0x7f) * this.#scale;
    this.#scale *= 128;
    if (byte >= 0x80) {
      if (this.#scale > MAX_SCALE) {
        throw new ProtobufError('Invalid varint', this.#at);
      }
      return;
    }
    const value = this.#varint;
    this.#varint = 0;
    this.#scale = 1;
    if (this.#next === 'tag') {
      this.#tag(value);
    } else if (this.#next === 'number') {
      this.#next = 'tag';
    } else {
      this.#length(value);
    }
  }

  #tag(tag: number): void {
    this.#field = Math.floor(tag / 8);
    const wire = tag & 7;
    if (wire === BYTES) {
      this.#next = 'length';
    } else if (wire === VARINT) {
      this.#next = 'number';
    } else {
      // No field of a list has such a value: it is skipped.
      this.#field = 0;
      this.#left = fixedLength(wire, this.#at);
      this.#next = 'value';
    }
  }

  #length(length: number): void {
    const inList = this.#listEnd !== undefined;
    if (inList && this.#at + length > this.#listEnd!) {
      throw new ProtobufError('Incomplete field', this.#at);
    }
    if (!inList && this.#field === UNKNOWN.raw && !this.#sawList) {
      this.#listEnd = this.#at + length;
      this.#next = 'tag';
      return;
    }
    if (!inList && this.#field === UNKNOWN.contentEncoding && length > 0) {
      throw new ProtobufError('Unknown content encoding', this.#at);
    }
    if (!inList) {
      this.#field = 0;
    }
    const limit = { [LIST.items]: this.#maxItemBytes, [LIST.metadata]: METADATA_LIMIT }[this.#field];
    if (limit !== undefined && length > limit) {
      throw unusable(`The API server sent a list with an object of more than ${limit} bytes`);
    }
    this.#left = length;
    this.#next = 'value';
    if (length === 0) {
      this.#value(Buffer.alloc(0));
    }
  }

  /** Takes a piece of the value of a field. */
  #value(piece: Buffer): void {
    this.#left -= piece.length;
    const kept = this.#field === LIST.items || this.#field === LIST.metadata;
    if (this.#left > 0) {
      if (kept) {
        this.#unfinished.add(piece);
      }
      return;
    }
    this.#next = 'tag';
    if (!kept) {
      return;
    }
    const value = this.#unfinished.finish(piece);
    const reader = this.#field === LIST.items ? this.#reader : this.#metadata;
    asProtocolError('a list', 'protobuf', () => reader.read(value));
    if (reader === this.#metadata) {
      this.#envelope = { metadata: reader.value() as NonNullable<ListEnvelope['metadata']> };
    } else {
      const object = fromFields(reader, 'protobuf');
      if (object === undefined) {
        throw unusable('The API server listed an object without name or version');
      }
      this.#take(object);
    }
  }
}
