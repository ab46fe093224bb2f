import { readdirSync } from 'node:fs';
import { Runtime } from '@cnikit/cni-spec/runtime';
import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
import type { Options } from '../options.ts';
import type { Output } from './network.ts';

/** Lists the CNI versions that the named plugins support, or all plugins of the path. */
export async function version(options: Options): Promise<Output> {
  const io = nodeRuntimeIo();
  const runtime = new Runtime({
    io,
    path: options.path,
    cacheDir: options.cacheDir,
    timeoutMs: options.timeoutMs,
  });
  const named = options.operands.length > 0;
  const types = named ? options.operands : options.path.flatMap((dir) => filesOf(dir));
  const json: Record<string, string[] | { error: string }> = {};
  for (const type of new Set(types)) {
    try {
      json[type] = await runtime.versions(type);
    } catch (error) {
      if (named) {
        throw error;
      }
      json[type] = { error: (error as Error).message };
    }
  }
  const width = Math.max(0, ...Object.keys(json).map((type) => type.length));
  const lines = Object.entries(json).map(
    ([type, versions]) =>
      `${type.padEnd(width)}  ${Array.isArray(versions) ? versions.join(' ') : versions.error}`,
  );
  return {
    text: lines.length > 0 ? lines.join('\n') : `No plugins found in ${options.path.join(':')}`,
    json,
  };
}

function filesOf(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
