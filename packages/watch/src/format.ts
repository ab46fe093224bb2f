/** The two forms of lists and watches: JSON, and protobuf where it is described. */
import { eventReader, type ReadEvent } from './events.ts';
import type { Fields } from './fields.ts';
import { type IncomingObject, itemReader } from './incoming-object.ts';
import { ItemSplitter, type ListReader } from './items.ts';
import { LineSplitter } from './lines.ts';
import { readStatus, unwrap } from './protobuf/envelope.ts';
import { protobufEventReader } from './protobuf/events.ts';
import { FrameSplitter } from './protobuf/frames.ts';
import { ProtobufListReader } from './protobuf/items.ts';
import type { Message } from './protobuf/message.ts';
import { ProtobufError } from './protobuf/wire.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** How to read the body of a response. */
export interface Format {
  /** Reads a list; objects are valid until `take` returns. */
  list(take: (object: IncomingObject) => void): ListReader;
  /** Splits a watch into events, to be read one by one. */
  watch(): { splitter: { push(chunk: Uint8Array): Iterable<Buffer> }; read: ReadEvent };
  /** Returns the JSON of a Status; anything if there is none. */
  status(body: Buffer): string;
}

/** Requests protobuf until a response in it proves unreadable, JSON without a description. */
export class Formats {
  readonly #json: Format;
  #protobuf: Format | undefined;

  constructor(fields: Fields | undefined, protobuf: Message | undefined, maxObjectBytes: number) {
    this.#json = jsonFormat(fields, maxObjectBytes);
    this.#protobuf = protobuf && protobufFormat(protobuf, maxObjectBytes);
  }

  /** Value of the Accept header. */
  get accept(): string {
    return `${this.#protobuf === undefined ? '' : `${PROTOBUF}, `}application/json`;
  }

  /** Returns the format of a response. The server chooses; without a Content-Type it is JSON. */
  of(contentType: string | undefined): Format {
    const type = (contentType ?? '').split(';')[0]!.trim().toLowerCase();
    return (type === PROTOBUF ? this.#protobuf : undefined) ?? this.#json;
  }

  /** Falls back to JSON if protobuf caused the error. */
  failed({ cause }: Error): void {
    if (cause instanceof ProtobufError) {
      this.#protobuf = undefined;
    }
  }
}

function jsonFormat(fields: Fields | undefined, maxObjectBytes: number): Format {
  return {
    list: (take) => {
      const read = itemReader(fields);
      return new ItemSplitter(maxObjectBytes, (bytes) => take(read(bytes)));
    },
    watch: () => ({ splitter: new LineSplitter(maxObjectBytes), read: eventReader(fields) }),
    status: (body) => body.toString('utf8'),
  };
}

function protobufFormat(message: Message, maxObjectBytes: number): Format {
  return {
    list: (take) => new ProtobufListReader(message, maxObjectBytes, take),
    watch: () => ({ splitter: new FrameSplitter(maxObjectBytes), read: protobufEventReader(message) }),
    status: (body) => {
      try {
        return JSON.stringify(readStatus(body, unwrap(body, { from: 0, to: body.length })));
      } catch {
        return '';
      }
    },
  };
}
