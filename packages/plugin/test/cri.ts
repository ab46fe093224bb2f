/** A client of the container runtime interface (CRI) for pod sandboxes: gRPC over a Unix socket. */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';

/** Bits of a protobuf field's tag for its wire type. */
const VARINT = 0;
const BYTES = 2;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) {
      return Buffer.from([...bytes, rest]);
    }
    bytes.push((rest & 0x7f) | 0x80);
  }
}

type Field = string | number | Buffer | undefined;

/** Encodes a protobuf message. Fields are strings, numbers or messages by their number. */
function message(fields: Record<number, Field | readonly Field[]>): Buffer {
  const parts = Object.entries(fields).flatMap(([key, values]) =>
    [values].flat().flatMap((value) => {
      if (value === undefined) {
        return [];
      }
      const tag = Number(key) << 3;
      if (typeof value === 'number') {
        return [varint(tag | VARINT), varint(value)];
      }
      const bytes = Buffer.from(value as string);
      return [varint(tag | BYTES), varint(bytes.length), bytes];
    }),
  );
  return Buffer.concat(parts);
}

/** A pod sandbox to run. */
export interface SandboxRequest {
  name: string;
  cgroupParent: string;
  annotations?: Record<string, string>;
  ports?: { protocol: 'TCP' | 'UDP'; containerPort: number; hostPort: number }[];
}

function sandboxConfig({ name, cgroupParent, annotations = {}, ports = [] }: SandboxRequest): Buffer {
  return message({
    1: message({ 1: name, 2: `uid-${name}`, 3: 'default', 4: 0 }),
    2: name,
    5: ports.map(({ protocol, containerPort, hostPort }) =>
      message({ 1: ['TCP', 'UDP'].indexOf(protocol), 2: containerPort, 3: hostPort }),
    ),
    7: Object.entries(annotations).map(([key, value]) => message({ 1: key, 2: value })),
    8: message({ 1: cgroupParent, 2: message({}) }),
  });
}

/** A connection to a runtime. */
export class Cri {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Runs a sandbox and returns its ID. */
  async run(request: SandboxRequest): Promise<string> {
    const reply = await this.#call('RunPodSandbox', message({ 1: sandboxConfig(request) }));
    return reply.subarray(2).toString();
  }

  stop(id: string): Promise<unknown> {
    return this.#call('StopPodSandbox', message({ 1: id }));
  }

  remove(id: string): Promise<unknown> {
    return this.#call('RemovePodSandbox', message({ 1: id }));
  }

  /** Returns the conditions RuntimeReady and NetworkReady with their messages as text. */
  async status(): Promise<string> {
    return (await this.#call('Status', message({}))).toString('latin1');
  }

  #call(method: string, body: Buffer): Promise<Buffer> {
    const session = connectHttp2('http://localhost', { createConnection: () => connect(this.#socket) });
    return new Promise<Buffer>((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        ':method': 'POST',
        ':path': `/runtime.v1.RuntimeService/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const chunks: Buffer[] = [];
      let failure: string | undefined;
      const check = (headers: Record<string, unknown>) => {
        if (headers['grpc-status'] !== undefined && headers['grpc-status'] !== '0') {
          failure = `${method}: ${headers['grpc-message']}`;
        }
      };
      stream.on('response', check).on('trailers', check).on('error', reject);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () =>
        failure === undefined ? resolve(Buffer.concat(chunks).subarray(5)) : reject(new Error(failure)),
      );
      const head = Buffer.alloc(5);
      head.writeUInt32BE(body.length, 1);
      stream.end(Buffer.concat([head, body]));
    }).finally(() => session.close());
  }
}
