/**
 * The CNI specification in TypeScript: configuration, results, errors and version conversion, 0.1.0 to 1.1.0,
 * and what turns a few functions into a plugin.
 *
 * ```ts
 * import { definePlugin, dispatch } from '@cnikit/cni-spec';
 *
 * const plugin = definePlugin({
 *   about: 'Answers with a fixed address',
 *   add: ({ ifName, netns }) => ({
 *     interfaces: [{ name: ifName, sandbox: netns }],
 *     ips: [{ address: '10.1.0.5/24', interface: 0 }],
 *   }),
 * });
 * const { stdout, exitCode } = dispatch(plugin, {
 *   env: { CNI_COMMAND: 'VERSION' },
 *   stdin: '{"cniVersion":"1.0.0"}',
 * });
 * console.log(exitCode, stdout);
 * ```
 */
export { parseArgs } from './args.ts';
export {
  type CheckedConfig,
  capability,
  type DecodeOptions,
  decodeNetworkConfig,
  validAttachments,
} from './config.ts';
export {
  type Conversion,
  convertResult,
  decodeResult,
  encodeResult,
  type ResultDocument,
} from './convert.ts';
export { validFields } from './decode.ts';
export { type DelegateIo, delegate, delegateIpamAdd } from './delegate.ts';
export { dispatch, type PluginIo, type PluginOutput } from './dispatch.ts';
export { type Command, commands, type Env, splitPath, type Verb } from './env.ts';
export { CniError, ErrorCode, encodeError, toCniError } from './error.ts';
export {
  checkOutcome,
  type ExecOutcome,
  type ExecRequest,
  execEnv,
  findPlugin,
  PluginError,
  readResult,
} from './exec.ts';
export { interfaceNameProblem, isIdentifier, isPluginType } from './identifiers.ts';
export { type KeyTable, lacksKeys, normaliseKeys } from './keys.ts';
export { type Context, definePlugin, type Plugin, type PluginOptions } from './plugin.ts';
export type {
  Attachment,
  Bandwidth,
  Dns,
  DnsCapability,
  ErrorDocument,
  Interface,
  Ipam,
  IpConfig,
  IpRange,
  NetworkConfig,
  NetworkConfigList,
  PortMapping,
  Result,
  Result020,
  Result040,
  Route,
  RuntimeConfig,
  VersionReply,
} from './schemas/index.ts';
export {
  compareVersions,
  defaultVersion,
  isVersion,
  latestVersion,
  parseVersion,
  type ResultFamily,
  resultFamily,
  supportedVersions,
  type Version,
} from './version.ts';
