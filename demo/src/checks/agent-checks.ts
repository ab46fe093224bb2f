import { rmSync, writeFileSync } from 'node:fs';
import type { LabNode, Outcome } from '@cnikit/testing-lab';
import type { Agent } from '../agent.ts';
import type { Finding } from '../finding.ts';
import { dim, explain, green, red } from '../terminal.ts';

/** Sorts before the agent's conflist, so a container runtime would use it. */
const FOREIGN = '/etc/cni/net.d/00-other.conflist';
const LINES = 8;

/** Checks the result of `cnikit-agent plan`: exit status 3 means that changes are due. */
export function checkPlan({ status, stdout, stderr }: Outcome): Finding {
  const lines = stdout.trimEnd().split('\n');
  const draw = (): void => {
    explain();
    for (const line of [...lines.slice(0, LINES), '…', ...lines.slice(-1)]) {
      explain(dim(line));
    }
    explain();
  };
  const passed = status === 3 && lines.some((line) => line.startsWith('+ route'));
  return passed ? { passed, draw } : { passed, outcome: stderr || `exit status ${status}`, draw };
}

/** Runs `cnikit-agent doctor` on a healthy node, then with the conflist of another CNI plugin in place. */
export async function checkDoctor(node: LabNode, agent: Agent): Promise<Finding> {
  const healthy = await agent.inspect('doctor');
  const file = node.path(FOREIGN);
  writeFileSync(file, '{"cniVersion":"1.0.0","name":"other","plugins":[{"type":"flannel"}]}');
  const conflicting = await agent.inspect('doctor');
  rmSync(file);
  const reported = conflicting.status === 4 && conflicting.stdout.includes('00-other.conflist');
  const draw = (): void => {
    explain();
    for (const line of (healthy.status === 0 ? conflicting : healthy).stdout.trimEnd().split('\n')) {
      explain(coloured(line));
    }
    explain();
  };
  return { passed: healthy.status === 0 && reported, draw };
}

function coloured(line: string): string {
  if (line.startsWith('✓')) {
    return green(line);
  }
  return line.startsWith('✗') ? red(line) : dim(line);
}
