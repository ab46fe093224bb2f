/**
 * `cnikit switch-back`: turns the rules of running pods into the form that the upstream plugins delete. By default cnikit
 * has nftables tables that upstream does not know. The state in the kernel is enough: each element's comment names the
 * owner of its address or port.
 */
import { CniError, type Env, type PluginOutput } from '@cnikit/cni-spec';
import { REFERENCE_DATA_DIR } from '@cnikit/ipam';
import type { Sys } from '@cnikit/sys';
import { hasIptables } from '../nat/iptables.ts';
import { whereNftables } from '../nat/nftables.ts';
import { type Conversion, ownerLookup } from './conversion.ts';
import { convertMasquerade } from './convert-masquerade.ts';
import { convertPorts } from './convert-ports.ts';

const USAGE = `Usage: cnikit switch-back [--backend iptables|nftables] [--data-dir DIR]
`;

interface Options {
  backend: 'iptables' | 'nftables' | undefined;
  dataDir: string;
}

/**
 * Runs the command. It may run several times.
 *
 * @param args arguments after `switch-back`
 */
export function switchBack(sys: Sys, env: Env, args: readonly string[]): PluginOutput {
  const options = parseOptions(args);
  if (options === undefined) {
    return { stdout: '', stderr: `Unknown arguments: ${args.join(' ')}\n\n${USAGE}`, exitCode: 2 };
  }
  const backend = options.backend ?? (hasIptables(sys, env) ? 'iptables' : 'nftables');
  const problems: string[] = [];
  const ownerOf = ownerLookup(sys, options.dataDir, problems);
  try {
    const counts = whereNftables(sys, (nft) => {
      const conversion: Conversion = { sys, env, nft, backend, ownerOf };
      return { masqueraded: convertMasquerade(conversion), mapped: convertPorts(conversion) };
    });
    const { masqueraded = 0, mapped = 0 } = counts ?? {};
    const stdout = `Moved to ${backend} as upstream has it: ipMasq of ${masqueraded} pods, host ports of ${mapped} pods\n`;
    return {
      stdout,
      stderr: problems.map((text) => `${text}\n`).join(''),
      exitCode: problems.length > 0 ? 1 : 0,
    };
  } catch (error) {
    const { message } = error as Error;
    const details = error instanceof CniError && error.details ? ` (${error.details})` : '';
    const stderr = [...problems, `${message}${details}`].map((text) => `${text}\n`).join('');
    return { stdout: '', stderr, exitCode: 1 };
  }
}

function parseOptions(args: readonly string[]): Options | undefined {
  const options: Options = { backend: undefined, dataDir: REFERENCE_DATA_DIR };
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1];
    if (args[i] === '--backend' && (value === 'iptables' || value === 'nftables')) {
      options.backend = value;
    } else if (args[i] === '--data-dir' && value) {
      options.dataDir = value;
    } else {
      return undefined;
    }
  }
  return options;
}
