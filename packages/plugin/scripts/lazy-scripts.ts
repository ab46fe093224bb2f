/** The modules that the executable loads only when one of their functions is called: most invocations need none. */
export const lazyScripts = [
  '../src/cli.ts',
  '../src/explain.ts',
  '../src/ipam/delegated-ipam.ts',
  '../src/nat/iptables.ts',
  '../src/nat/masquerade-iptables.ts',
  '../src/nat/masquerade-upstream.ts',
  '../src/plugins/bridge/vlan.ts',
  '../src/plugins/cnikit/policy-gate.ts',
  '../src/plugins/portmap/chain-ports.ts',
  '../src/plugins/portmap/iptables.ts',
  '../src/plugins/tuning/re2.ts',
  '../src/plugins/tuning/verbs.ts',
  '../src/records/lost-sandbox.ts',
  '../src/recovery/addresses-in-use.ts',
  '../src/restore/restore.ts',
  '../src/switch-back/switch-back.ts',
].map((path) => new URL(path, import.meta.url).pathname);
