/** The unix socket where the plugin reports pods: one line of JSON for each request and each answer. */
import { once } from 'node:events';
import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Log } from '../core/log.ts';
import { temporaryName } from '../core/names.ts';
import { parseRequest, type Request } from './request.ts';

/** A list of 1,000 attachments with long container IDs fits. */
const MAX_LINE_BYTES = 256 * 1024;
/** More than the plugins that a runtime runs at once. */
const MAX_CONNECTIONS = 512;
/** Closes connections that neither send nor receive. The plugin waits for 2 s. */
const IDLE_MS = 30_000;
/** Length of `sun_path` without the NUL (linux/un.h). */
const MAX_PATH_BYTES = 107;

export interface PolicyGateDeps {
  /** Path of the socket. */
  path: string;
  /** Name of the only network whose pods have policies. */
  network: string;
  /** Resolves once the kernel has the change; rejects with the reason when it has not. */
  handle: (request: Request) => Promise<void>;
  log: Log;
}

/** Serves the socket. Only root may connect: the file has mode 0600. */
export class PolicyGate {
  readonly #deps: PolicyGateDeps;
  readonly #connections = new Set<Socket>();
  #server: Server | undefined;
  /** Inode of the socket's file. */
  #inode: number | undefined;
  #failure: string | undefined;

  constructor(deps: PolicyGateDeps) {
    this.#deps = deps;
  }

  /**
   * Opens the socket, in place of one that a killed agent left.
   *
   * @throws {Error} when that is not possible
   */
  async open(): Promise<void> {
    const { path, log } = this.#deps;
    const temporary = temporaryName(path);
    if (Buffer.byteLength(temporary) > MAX_PATH_BYTES) {
      throw new Error(`The path ${path} is too long for a socket: choose a shorter --state-dir`);
    }
    rmSync(temporary, { force: true });
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    server.maxConnections = MAX_CONNECTIONS;
    server.listen(temporary);
    await once(server, 'listening');
    server.on('error', ({ message }) => log.warn({}, `Cannot accept a report of a pod: ${message}`));
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
    this.#server?.close();
    this.#server = server;
    this.#inode = inodeOf(path);
  }

  /** Opens the socket unless it is open and in its place. Never rejects. */
  async check(): Promise<void> {
    const { path, log } = this.#deps;
    const wasOpen = this.#inode !== undefined;
    if (wasOpen && this.#inode === inodeOf(path)) {
      return;
    }
    try {
      await this.open();
      this.#failure = undefined;
      if (wasOpen) {
        log.info({ change: 'file' }, `~ file ${path} (another program had removed it)`);
      }
    } catch (error) {
      this.#failure = `Cannot open the socket ${path}, so new pods wait for their policies: ${(error as Error).message}`;
      log.warn({}, this.#failure);
    }
  }

  /** Why the socket is not open; undefined when it is. */
  get failure(): string | undefined {
    return this.#failure;
  }

  close(): void {
    const { path } = this.#deps;
    this.#server?.close();
    for (const socket of this.#connections) {
      socket.destroy();
    }
    // The next agent may have opened its own.
    if (this.#inode !== undefined && this.#inode === inodeOf(path)) {
      rmSync(path, { force: true });
    }
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    let line = '';
    let answers = Promise.resolve();
    const answer = (text: string): void => {
      answers = answers
        .then(() => this.#answer(text))
        .then((reply) => {
          if (socket.writable) {
            socket.write(reply);
          }
        });
    };
    socket
      .setEncoding('utf8')
      .setTimeout(IDLE_MS, () => socket.destroy())
      .on('error', () => socket.destroy())
      .on('close', () => this.#connections.delete(socket))
      .on('data', (text: string) => {
        const [head = '', ...lines] = (line + text).split('\n');
        const complete = lines.length === 0 ? [] : [head, ...lines.slice(0, -1)];
        line = lines.at(-1) ?? head;
        for (const one of complete) {
          answer(one);
        }
        if (line.length > MAX_LINE_BYTES) {
          socket
            .removeAllListeners('data')
            .end(failure(`Line exceeds ${MAX_LINE_BYTES} bytes`))
            .destroySoon();
        }
      })
      .on('end', () => void answers.then(() => socket.end()));
  }

  async #answer(line: string): Promise<string> {
    try {
      await this.#deps.handle(parseRequest(line, this.#deps.network));
      return '{"ok":true}\n';
    } catch (error) {
      return failure((error as Error).message);
    }
  }
}

const failure = (error: string): string => `${JSON.stringify({ ok: false, error })}\n`;

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}
