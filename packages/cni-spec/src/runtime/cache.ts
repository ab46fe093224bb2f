import { isIdentifier } from '../identifiers.ts';
import type { RuntimeIo } from './io.ts';

/** A container's interface in a network, with its arguments. */
export interface AttachmentRequest {
  containerID: string;
  /** Path of the network namespace; '' for DEL if it no longer exists. */
  netns: string;
  ifName: string;
  /** CNI_ARGS. */
  args?: Readonly<Record<string, string>> | undefined;
  /** Arguments by capability, such as `portMappings`. */
  capabilityArgs?: Readonly<Record<string, unknown>> | undefined;
}

/** An attachment between ADD and DEL. */
export interface CachedAttachment extends AttachmentRequest {
  networkName: string;
  /** Text of the configuration list of its ADD; absent in files of old versions of libcni. */
  config?: string | undefined;
  /** The final result document. */
  result: Record<string, unknown>;
}

/** File format of libcni, "cniCacheV1". */
interface CacheFile {
  kind: 'cniCacheV1';
  containerId: string;
  config: string;
  ifName: string;
  networkName: string;
  netns?: string;
  cniArgs?: [string, string][];
  capabilityArgs?: Record<string, unknown>;
  result: Record<string, unknown>;
}

const KIND = 'cniCacheV1';

/** Stores results between ADD and DEL, one file per attachment in `<folder>/results`. */
export class ResultCache {
  readonly #io: RuntimeIo;
  readonly #folder: string;

  /** @param folder /var/lib/cni for libcni */
  constructor(io: RuntimeIo, folder: string) {
    this.#io = io;
    this.#folder = `${folder}/results`;
  }

  /** Writes the file of an attachment and replaces an existing one. */
  save(attachment: CachedAttachment): void {
    const { containerID, networkName, ifName, args, capabilityArgs, netns, result, config = '' } = attachment;
    const file: CacheFile = {
      kind: KIND,
      containerId: containerID,
      config: toBase64(config),
      ifName,
      networkName,
      result,
    };
    if (netns !== '') {
      file.netns = netns;
    }
    if (args) {
      file.cniArgs = Object.entries(args);
    }
    if (capabilityArgs) {
      file.capabilityArgs = capabilityArgs;
    }
    this.#io.writeText(this.#path(networkName, containerID, ifName), JSON.stringify(file));
  }

  /** Returns the attachment, or `undefined` without a valid file: DEL must work without it. */
  load(
    networkName: string,
    { containerID, ifName }: { containerID: string; ifName: string },
  ): CachedAttachment | undefined {
    const text = this.#io.readText(this.#path(networkName, containerID, ifName));
    return text === undefined
      ? undefined
      : parseCacheFile(text, { networkName, containerID, ifName, netns: '' });
  }

  /** Removes the file of an attachment, if it exists. */
  remove(networkName: string, { containerID, ifName }: { containerID: string; ifName: string }): void {
    this.#io.remove(this.#path(networkName, containerID, ifName));
  }

  /**
   * Returns the valid attachments of one network or of all, without those of libcni before 0.8, which have no
   * owner.
   */
  list(networkName?: string): CachedAttachment[] {
    const all = (this.#io.readdir(this.#folder) ?? []).sort().flatMap((name) => {
      const text = this.#io.readText(`${this.#folder}/${name}`);
      return (text === undefined ? undefined : parseCacheFile(text)) ?? [];
    });
    return networkName === undefined ? all : all.filter((one) => one.networkName === networkName);
  }

  #path(networkName: string, containerID: string, ifName: string): string {
    // DEL accepts more names than ADD, but none that leads out of the folder.
    const safe =
      isIdentifier(networkName) &&
      isIdentifier(containerID) &&
      !ifName.includes('/') &&
      !ifName.includes('\0');
    if (!safe) {
      throw new TypeError(`Invalid attachment ${JSON.stringify([networkName, containerID, ifName])}`);
    }
    return `${this.#folder}/${networkName}-${containerID}-${ifName}`;
  }
}

function parseCacheFile(
  text: string,
  known?: Omit<CachedAttachment, 'result'>,
): CachedAttachment | undefined {
  try {
    const file = JSON.parse(text) as Partial<CacheFile>;
    if (file.kind === KIND && isObject(file.result)) {
      return {
        networkName: String(file.networkName),
        containerID: String(file.containerId),
        ifName: String(file.ifName),
        netns: file.netns ?? '',
        config: file.config ? fromBase64(file.config) : undefined,
        args: file.cniArgs && Object.fromEntries(file.cniArgs),
        capabilityArgs: file.capabilityArgs,
        result: file.result,
      };
    }
    return known && file.kind === undefined && isObject(file) ? { ...known, result: file } : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}
