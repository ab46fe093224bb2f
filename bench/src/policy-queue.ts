/**
 * `npm run bench -- policy-queue [--rounds=3] [--suite=bookworm]`: the time of a new connection that policies allow, with
 * cnikit and with kube-network-policies, where a program decides about the first packet. It needs Go.
 *
 * kube-network-policies needs a kernel with the statement `queue` of nftables. If this machine's kernel has only the target
 * NFQUEUE of iptables, a rule of iptables takes the place of its rules. With neither, or with --suite, the kernel of that
 * Debian release runs in QEMU, where programs and kernel are emulated.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { otherKernel } from '../../tools/kernels/other-kernel.mjs';
import { sandbox } from '../../tools/sandbox.mjs';
import { goInstall } from './policy-peers/go.ts';
import { KUBE_NETWORK_POLICIES } from './policy-peers/side.ts';

const SKIPPED = 77;
const DEADLINE_S = 1800;
const repository = join(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, suite: { type: 'string' } },
});
if (!/^[1-9]\d*$/.test(values.rounds)) {
  console.error(`Invalid --rounds ${JSON.stringify(values.rounds)}: expected a positive integer`);
  process.exit(2);
}

const cache = join(repository, '.cache');
mkdirSync(cache, { recursive: true });
// The other kernel sees the files of this machine, but not /tmp.
const bin = mkdtempSync(join(cache, 'policy-queue-'));
try {
  process.exitCode = await measure();
} finally {
  rmSync(bin, { recursive: true });
}

async function measure(): Promise<number> {
  const reason = goInstall(KUBE_NETWORK_POLICIES, bin);
  if (reason !== undefined) {
    console.log(`policy-queue: skipped, ${reason}`);
    return SKIPPED;
  }
  const program = join(import.meta.dirname, 'policy-peers/connections.ts');
  const argv = [process.execPath, ...process.execArgv, program, bin, values.rounds];
  const table = 'table ip probe { chain forward { type filter hook forward priority 0; queue num 1; }; }';
  if (values.suite === undefined && (await accepts('nft "$0"', table))) {
    return (await sandbox([...argv, 'nftables'])).status;
  }
  if (values.suite === undefined && (await accepts('iptables -A FORWARD -j NFQUEUE'))) {
    return (await sandbox([...argv, 'iptables'])).status;
  }
  return otherKernel([process.execPath, join(repository, 'tools/sandbox.mjs'), ...argv, 'nftables'], {
    ...{ cwd: repository, deadline: DEADLINE_S },
    ...(values.suite !== undefined && { suite: values.suite }),
  });
}

/** Returns whether this machine's kernel takes a rule. */
async function accepts(command: string, argument = ''): Promise<boolean> {
  const { status } = await sandbox(['sh', '-c', `${command} 2>/dev/null`, argument]);
  return status === 0;
}
