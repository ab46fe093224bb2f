import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { loadState, STATE_NAME } from '../observe/saved-state.ts';
import { node } from '../testing/nodes.ts';
import { StateFiles } from './state-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-state-files-'));
  return () => rmSync(dir, { recursive: true });
});

function stateFiles(nodes: () => ReturnType<typeof node>[], due: (() => void)[]): StateFiles {
  return new StateFiles({
    stateDir: dir,
    nodeName: 'n1',
    needed: [],
    cached: undefined,
    position: () => '7',
    programmed: () => true,
    problems: () => [],
    nodes,
    report: () => {},
    onRepair: () => {},
    onCheck: () => {},
    warn: (message) => expect.unreachable(message),
    after: (_, body) => {
      due.push(body);
      return () => due.splice(due.indexOf(body), 1);
    },
    now: () => 0,
  });
}

test('StateFiles saves the nodes before it reports for the first time that the node is ready', () => {
  const due: (() => void)[] = [];
  const files = stateFiles(() => [node(1)], due);
  files.nodesChanged();
  expect(existsSync(join(dir, STATE_NAME))).toBe(false);
  files.check();
  expect(files.readiness).toEqual({ ready: true });
  expect(loadState(dir, 'n1')).toEqual({ nodes: [node(1)], resourceVersion: '7' });
  expect(due).toEqual([]);
});

test('StateFiles writes a burst of later node changes once, after the delay', () => {
  const due: (() => void)[] = [];
  const nodes = [node(1)];
  const files = stateFiles(() => nodes, due);
  files.nodesChanged();
  files.check();
  nodes.push(node(2));
  files.nodesChanged();
  files.nodesChanged();
  files.check();
  expect(loadState(dir, 'n1')?.nodes).toHaveLength(1);
  expect(due).toHaveLength(1);
  due[0]?.();
  expect(loadState(dir, 'n1')?.nodes).toHaveLength(2);
});
