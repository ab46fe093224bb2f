import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'codec/index': 'src/codec/index.ts',
    'check-spec': 'src/check-spec.ts',
    'check-spec.static-exe': 'src/check-spec.static-exe.ts',
    'codec/native': 'src/codec/native.ts',
    'codec/native.static-exe': 'src/codec/native.static-exe.ts',
    monitor: 'src/monitor.ts',
    constants: 'src/constants.ts',
    nftables: 'src/nftables.ts',
    'netfilter/expr': 'src/netfilter/expr.ts',
    conntrack: 'src/conntrack.ts',
    nflog: 'src/nflog.ts',
    ipset: 'src/ipset.ts',
    generic: 'src/generic.ts',
    wireguard: 'src/wireguard.ts',
    'short-lived': 'src/short-lived.ts',
    testing: 'src/testing.ts',
  },
  format: 'esm',
  clean: true,
  target: 'es2023',
  platform: 'neutral',
  external: [/^#/, /^@cnikit\//, /^node:/],
});
