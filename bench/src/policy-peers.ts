/**
 * `npm run bench -- policy-peers [--rounds=10] [--pods=24,200]`: from an event of the API to its enforcement, by cnikit and by
 * the firewall of kube-router in turn on one API server, and what each event makes them send to the kernel. Needs Go, which
 * builds kube-router, and strace for what they send.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sandbox } from '../../tools/sandbox.mjs';
import { goInstall } from './policy-peers/go.ts';
import { KUBE_ROUTER } from './policy-peers/side.ts';

const SKIPPED = 77;
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '10' }, pods: { type: 'string', default: '24,200' } },
});
for (const [name, text] of Object.entries(values)) {
  if (!/^[1-9]\d*(,[1-9]\d*)*$/.test(text)) {
    console.error(`Invalid --${name} ${JSON.stringify(text)}: expected positive integers`);
    process.exit(2);
  }
}

const bin = mkdtempSync(join(tmpdir(), 'cnikit-bench-'));
try {
  const reason = goInstall(KUBE_ROUTER, bin);
  if (reason === undefined) {
    const program = join(import.meta.dirname, 'policy-peers/compare.ts');
    const argv = [process.execPath, ...process.execArgv, program, bin, values.rounds, values.pods];
    process.exitCode = (await sandbox(argv)).status;
  } else {
    console.log(`policy-peers: skipped, ${reason}`);
    process.exitCode = SKIPPED;
  }
} finally {
  rmSync(bin, { recursive: true });
}
