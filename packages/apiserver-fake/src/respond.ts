/** Sends responses. */
import type { ServerResponse } from 'node:http';
import type { ActiveFaults } from './faults.ts';
import { encodeStatus, PROTOBUF } from './protobuf/envelope.ts';
import type { Status } from './status.ts';

/** Sends the Status of a failed request. */
export function sendStatus(response: ServerResponse, status: Status, protobuf: boolean): void {
  if (protobuf) {
    response.writeHead(status.code, { 'content-type': PROTOBUF }).end(encodeStatus(status));
  } else {
    response.writeHead(status.code, { 'content-type': 'application/json' }).end(JSON.stringify(status));
  }
}

export function sendJson(response: ServerResponse, status: number, json: string, faults: ActiveFaults): void {
  response.statusCode = status;
  sendPieces(response, [json], faults);
}

/** Sends a body in pieces, as JSON or protobuf, unless a fault spoils it. */
export function sendPieces(
  response: ServerResponse,
  pieces: readonly (string | Buffer)[],
  faults: ActiveFaults,
  protobuf = false,
): void {
  response.setHeader('content-type', protobuf ? PROTOBUF : 'application/json');
  if (faults.takeGarbage()) {
    response.end(protobuf ? '\0k8s' : '{"kind":"NodeList","metadata":{"resourceVersion":"1"},"items":[{]}');
    return;
  }
  if (faults.takeTruncated()) {
    const all = Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)));
    response.write(all.subarray(0, all.length / 2), () => response.socket?.destroy());
    return;
  }
  for (const piece of pieces) {
    response.write(piece);
  }
  response.end();
}
