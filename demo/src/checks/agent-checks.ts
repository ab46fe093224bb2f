import { rmSync, writeFileSync } from 'node:fs';
import type { LabNode, Outcome } from '@cnikit/testing-lab';
import type { Agent } from '../agent.ts';
import type { Finding } from '../finding.ts';
import { dim, explain, green, red } from '../terminal.ts';

/** Sorts before the agent's, so that a container runtime would take it. */
const FOREIGN = '/etc/cni/net.d/00-other.conflist';
const LINES = 8;

/** The beginning of a plan: exit status 3 says that something differs. */
export function planned({ status, stdout, stderr }: Outcome): Finding {
  const lines = stdout.trimEnd().split('\n');
  const draw = (): void => {
    explain();
    for (const line of [...lines.slice(0, LINES), '…', ...lines.slice(-1)]) {
      explain(dim(line));
    }
    explain();
  };
  const passed = status === 3 && lines.some((line) => line.startsWith('+ route'));
  return passed ? { passed, draw } : { passed, outcome: stderr || `it ended with ${status}`, draw };
}

/** What the doctor says of a node that is well, and then of one where somebody left a file. */
export async function examined(node: LabNode, agent: Agent): Promise<Finding> {
  const well = await agent.look('doctor');
  const file = node.path(FOREIGN);
  writeFileSync(file, '{"cniVersion":"1.0.0","name":"other","plugins":[{"type":"flannel"}]}');
  const ill = await agent.look('doctor');
  rmSync(file);
  const named = ill.status === 4 && ill.stdout.includes('00-other.conflist');
  const draw = (): void => {
    explain();
    for (const line of (well.status === 0 ? ill : well).stdout.trimEnd().split('\n')) {
      explain(painted(line));
    }
    explain();
  };
  return { passed: well.status === 0 && named, draw };
}

function painted(line: string): string {
  if (line.startsWith('✓')) {
    return green(line);
  }
  return line.startsWith('✗') ? red(line) : dim(line);
}
