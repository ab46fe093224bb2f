/**
 * Test doubles for code that uses `@cnikit/iptables`: iptables in memory, and a scripted runner.
 *
 * ```ts
 * import { openIptables } from '@cnikit/iptables';
 * import { fakeIptables } from '@cnikit/iptables/testing';
 *
 * const fake = fakeIptables();
 * const ipt = openIptables({ family: 'ipv4', run: fake.run, env: {} });
 * ipt.ensure([{ table: 'filter', chains: { MINE: [{ jump: 'ACCEPT' }] } }]);
 * console.log(fake.run(['iptables-nft-save']).stdout);
 * ```
 *
 * @module
 */
export { type FakeIptables, type FakeOptions, fakeIptables } from './fake.ts';
export { type ScriptedRun, type ScriptedStep, scriptedRun } from './scripted.ts';
