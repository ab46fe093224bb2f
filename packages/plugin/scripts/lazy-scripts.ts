/** The modules that the executable loads only when their function is called: a runtime needs neither. */
export const lazyScripts = {
  explain: new URL('../src/explain.ts', import.meta.url).pathname,
  runCli: new URL('../src/cli.ts', import.meta.url).pathname,
};
