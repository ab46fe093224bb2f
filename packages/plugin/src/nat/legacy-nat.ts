/** The nat table of legacy iptables, without its programs where it is not in use. */
import type { Env } from '@cnikit/cni-spec';
import type { Family } from '@cnikit/ip';
import { type Sys, SysError } from '@cnikit/sys';
import { type LegacyNat, readLegacyNat } from './iptables.ts';

/** Reads the nat table of legacy iptables for a family; undefined when it is not in use, as on most nodes. */
export function legacyNat(sys: Sys, env: Env, family: Family): LegacyNat | undefined {
  return legacyTables(sys, family).includes('nat') ? readLegacyNat(sys, env, family) : undefined;
}

function legacyTables(sys: Sys, family: Family): string[] {
  const file = `/proc/net/${family === 'ipv4' ? 'ip' : 'ip6'}_tables_names`;
  // Absent: the kernel module is not loaded, as on many nodes. An error object would take a tenth of a DEL.
  if (sys.statIfExists(file) === undefined) {
    return [];
  }
  try {
    return sys.readText(file).split('\n');
  } catch (error) {
    // EACCES and EPERM: this process cannot change the rules either.
    if (error instanceof SysError && ['ENOENT', 'EACCES', 'EPERM'].includes(error.code)) {
      return [];
    }
    throw error;
  }
}
