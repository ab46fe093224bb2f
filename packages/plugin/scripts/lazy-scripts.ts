/** The modules that the executable loads only when their function is called: most invocations need none. */
export const lazyScripts = {
  addressesInUse: new URL('../src/recovery/addresses-in-use.ts', import.meta.url).pathname,
  explain: new URL('../src/explain.ts', import.meta.url).pathname,
  lostSandbox: new URL('../src/records/lost-sandbox.ts', import.meta.url).pathname,
  re2: new URL('../src/plugins/tuning/re2.ts', import.meta.url).pathname,
  reportPods: new URL('../src/plugins/cnikit/policy-gate.ts', import.meta.url).pathname,
  runCli: new URL('../src/cli.ts', import.meta.url).pathname,
};
