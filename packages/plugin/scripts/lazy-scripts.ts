/** The modules that the executable loads only when one of their functions is called: most invocations need none. */
const MODULES = {
  addressesInUse: 'recovery/addresses-in-use',
  chainPorts: 'nat/chain-ports',
  cli: 'cli',
  delegatedIpam: 'ipam/delegated-ipam',
  // @cnikit/cni-spec loads this one by its name.
  explain: 'explain',
  iptables: 'nat/iptables',
  lostAttachment: 'recovery/lost-attachment',
  lostSandbox: 'records/lost-sandbox',
  masqueradeIptables: 'nat/masquerade-iptables',
  masqueradeUpstream: 'nat/masquerade-upstream',
  policyGate: 'plugins/cnikit/policy-gate',
  portsIptables: 'plugins/portmap/iptables',
  re2: 'plugins/tuning/re2',
  restore: 'restore/restore',
  switchBack: 'switch-back/switch-back',
  tuning: 'plugins/tuning/verbs',
  vlan: 'plugins/bridge/vlan',
};

/** Paths of the lazy modules by the name of their script. */
export const lazyScripts: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(MODULES).map(([name, module]) => [
    name,
    new URL(`../src/${module}.ts`, import.meta.url).pathname,
  ]),
);
