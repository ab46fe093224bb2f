/**
 * The cnikit CNI plugins as a library, which runs their verbs under Node with any `Sys`.
 *
 * ```ts
 * import { pluginFor, plugins } from '@cnikit/plugin';
 * import { sys } from '@cnikit/sys';
 *
 * const { stdout } = pluginFor(plugins(sys), 'bridge')({ env: { CNI_COMMAND: 'VERSION' }, stdin: '' });
 * console.log(stdout);
 * ```
 *
 * The static executable for nodes is `build/cnikit` in this package, and `build/cnikit-arm64` for arm64.
 * {@link executablePath} returns its path.
 *
 * @module
 */

export { executableName, executablePath } from './executable-path.ts';
export { hostVethName, hostVethPrefix } from './links/names.ts';
export { bridgePlugin } from './plugins/bridge/plugin.ts';
export { type BridgeSettings, bridgeSettings } from './plugins/bridge/settings.ts';
export { type Plugins, pluginFor, plugins, type Run } from './plugins/index.ts';
export { type LostSandbox, type LostSandboxOptions, lostSandboxes } from './records/lost-sandboxes.ts';
