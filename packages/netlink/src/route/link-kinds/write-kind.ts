import type { Encoder } from '../../codec/encoder.ts';
import { NetlinkEncodeError } from '../../codec/errors.ts';
import { hasFields, writeFields } from '../../codec/table.ts';
import * as ifla from '../link-attributes.ts';
import type { BridgePortAttributes } from './bridge-port.ts';
import type { LinkKindCodec, LinkKindCodecs } from './kind.ts';

/** Writes IFLA_LINKINFO: the kind with its settings, and those of a bridge port. */
export function writeKind(
  encoder: Encoder,
  kinds: LinkKindCodecs,
  spec: { kind?: string },
  port?: BridgePortAttributes,
): void {
  const ports = kinds.bridge?.port ?? {};
  const isPort = port !== undefined && hasFields(ports, port);
  if (spec.kind === undefined && !isPort) {
    return;
  }
  const info = encoder.nest(ifla.IFLA_LINKINFO);
  if (spec.kind !== undefined) {
    writeInfoData(encoder, kinds, spec.kind, spec);
  }
  if (isPort) {
    writeWord(encoder, ifla.IFLA_INFO_SLAVE_KIND, 'bridge');
    const data = encoder.nest(ifla.IFLA_INFO_SLAVE_DATA);
    writeFields(encoder, ports, port);
    encoder.end(data);
  }
  encoder.end(info);
}

function writeInfoData(encoder: Encoder, kinds: LinkKindCodecs, kind: string, spec: object): void {
  const codec = codecOf(kinds, kind);
  writeWord(encoder, ifla.IFLA_INFO_KIND, kind);
  const before = encoder.length;
  const data = encoder.nest(ifla.IFLA_INFO_DATA);
  if (codec.write === undefined) {
    writeFields(encoder, codec.table, spec as never);
  } else {
    codec.write(encoder, spec as never);
  }
  if (encoder.length === before + 4) {
    encoder.rewind(before);
  } else {
    encoder.end(data);
  }
}

/** @throws {NetlinkEncodeError} when the kind is unknown */
export function codecOf(kinds: LinkKindCodecs, kind: string): LinkKindCodec {
  const codec = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (codec === undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', `Unknown link kind ${kind}`);
  }
  return codec;
}

/** Writes a kind without a NUL, as `ip` does. */
function writeWord(encoder: Encoder, type: number, word: string): void {
  const token = encoder.nest(type);
  encoder.putText(word).end(token);
}
