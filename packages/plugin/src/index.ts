/**
 * The cnikit CNI plugin as a library: run its verbs under Node, over any `Sys`.
 *
 * ```ts
 * import { dispatch } from '@cnikit/cni-spec';
 * import { bridgePlugin } from '@cnikit/plugin';
 * import { sys } from '@cnikit/sys';
 *
 * const { stdout } = dispatch(bridgePlugin(sys), { env: { CNI_COMMAND: 'VERSION' }, stdin: '' });
 * console.log(stdout);
 * ```
 *
 * The static executable for nodes is `build/cnikit` in this package; {@link executablePath} says where.
 *
 * @module
 */
export { type BridgeSettings, bridgeSettings } from './config.ts';
export { executablePath } from './executable-path.ts';
export { hostVethName, hostVethPrefix } from './names.ts';
export { bridgePlugin } from './plugin.ts';
