import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Attachment, Result } from '@cnikit/cni-spec';
import {
  type AttachmentRequest,
  type ConfigList,
  loadConfigFile,
  loadConfigs,
  Runtime,
} from '@cnikit/cni-spec/runtime';
import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
import { type Options, UsageError } from '../options.ts';
import { resultText } from '../result-text.ts';

/** Output of a command as text and as JSON. */
export interface Output {
  text: string;
  json: unknown;
  /** @default 0 */
  exitCode?: number;
}

const io = nodeRuntimeIo();

/** Runs one operation of a container runtime: add, check, del, status or gc. */
export async function network(options: Options): Promise<Output> {
  const { command, operands } = options;
  const [name, ...rest] = operands;
  if (name === undefined) {
    throw new UsageError(`${command} requires the name of a network`);
  }
  const list = findList(options, name);
  const runtime = new Runtime({
    io,
    path: options.path,
    cacheDir: options.cacheDir,
    timeoutMs: options.timeoutMs,
  });
  const done = (text: string): Output => ({ text, json: {} });
  switch (command) {
    case 'add': {
      const result = await runtime.add(list, attachmentOf(options, rest));
      return { text: resultText(result), json: result satisfies Result };
    }
    case 'check':
      await runtime.check(list, attachmentOf(options, rest));
      return done(`${list.name}: unchanged`);
    case 'del':
      await runtime.del(list, attachmentOf(options, rest));
      return done(`${list.name}: deleted`);
    case 'status':
      await runtime.status(list);
      return done(`${list.name}: ready`);
    default:
      await runtime.gc(list, validOf(options, rest));
      return done(`${list.name}: freed all attachments that were not listed`);
  }
}

function findList(options: Options, name: string): ConfigList {
  if (name.includes('/')) {
    return loadConfigFile(io, resolve(name));
  }
  const loaded = loadConfigs(io, resolve(options.confDir));
  for (const one of loaded) {
    if ('list' in one && one.list.name === name) {
      return one.list;
    }
  }
  const names = loaded.flatMap((one) => ('list' in one ? [one.list.name] : []));
  const there =
    names.length > 0 ? `, which has ${names.join(', ')}` : '; --conf-dir selects another directory';
  const broken = loaded.flatMap((one) => ('error' in one ? [`${one.file}: ${one.error.message}`] : []));
  throw new Error(
    [`Network ${JSON.stringify(name)} not found in ${options.confDir}${there}`, ...broken].join('\n'),
  );
}

function attachmentOf(options: Options, operands: readonly string[]): AttachmentRequest {
  const [given] = operands;
  if (given === undefined || operands.length > 1) {
    throw new UsageError(`${options.command} requires one network namespace`);
  }
  const netns = given.includes('/') ? resolve(given) : `/run/netns/${given}`;
  if (options.command === 'add' && !statSync(netns, { throwIfNoEntry: false })) {
    throw new UsageError(
      `Network namespace ${netns} does not exist: create it with "ip netns add ${given.split('/').at(-1)}"`,
    );
  }
  const {
    containerID = `cnikit-${createHash('sha256').update(netns).digest('hex').slice(0, 20)}`,
    ifName,
    args,
    capabilityArgs,
  } = options;
  return { containerID, netns, ifName, args, capabilityArgs };
}

function validOf({ none }: Options, operands: readonly string[]): Attachment[] {
  if (operands.length === 0 && !none) {
    throw new UsageError('gc requires the attachments to keep, as ID/IFNAME, or --none');
  }
  return operands.map((operand) => {
    const [containerID, ifname, ...more] = operand.split('/');
    if (!containerID || !ifname || more.length > 0) {
      throw new UsageError(`Invalid attachment ${JSON.stringify(operand)}: expected ID/IFNAME`);
    }
    return { containerID, ifname };
  });
}
