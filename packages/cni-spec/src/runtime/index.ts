/**
 * The runtime side of CNI, like libcni: configuration lists, chains of plugins, a cache of results.
 *
 * ```ts
 * import { parseConfigList, Runtime } from '@cnikit/cni-spec/runtime';
 * import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
 *
 * const list = parseConfigList('{"cniVersion":"1.0.0","cniVersions":["1.1.0"],"name":"n","plugins":[{"type":"bridge"}]}');
 * const runtime = new Runtime({ io: nodeRuntimeIo(), path: ['/opt/cni/bin'], cacheDir: '/var/lib/cni' });
 * console.log(list.cniVersion, typeof runtime.add);
 * ```
 */
export { type ExecOutcome, type ExecRequest, findPlugin, PluginError } from '../exec.ts';
export { type AttachmentRequest, type CachedAttachment, ResultCache } from './cache.ts';
export { type ConfigList, type PluginEntry, parseConfigList, parseSingleConfig } from './config-list.ts';
export { type DeriveOptions, derivePluginConfig } from './derive.ts';
export type { RuntimeIo } from './io.ts';
export { type LoadedConfig, loadConfigFile, loadConfigs } from './load.ts';
export { Runtime, type RuntimeOptions } from './runtime.ts';
