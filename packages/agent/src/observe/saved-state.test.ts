import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { node } from '../testing/nodes.ts';
import { loadState, STATE_NAME, saveState } from './saved-state.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-state-'));
  return () => rmSync(dir, { recursive: true });
});

test('loadState() returns what saveState() wrote, complete files only', () => {
  const nodes = [node(1), node(2, { networkUnavailable: 'False' })];
  saveState(dir, 'n1', { nodes: [] });
  saveState(dir, 'n1', { nodes, resourceVersion: '7' });
  expect(loadState(dir, 'n1')).toEqual({ nodes, resourceVersion: '7' });
  expect(readdirSync(dir)).toEqual([STATE_NAME]);
});

test('saveState() creates its directory', () => {
  saveState(join(dir, 'a', 'b'), 'n1', { nodes: [] });
  expect(loadState(join(dir, 'a', 'b'), 'n1')).toEqual({ nodes: [] });
});

describe('loadState()', () => {
  const good = { format: 1, node: 'n1', nodes: [node(1)] };
  test.each<[string, string | undefined]>([
    ['a missing file', undefined],
    ['an empty file', ''],
    ['half a file', JSON.stringify(good).slice(0, -10)],
    ['the state of another node', JSON.stringify({ ...good, node: 'n2' })],
    ['another format', JSON.stringify({ ...good, format: 2 })],
    ['an invalid podCIDR', JSON.stringify({ ...good, nodes: [node(1, { podCIDRs: ['x'] })] })],
    ['an invalid address', JSON.stringify({ ...good, nodes: [node(1, { internalIPs: ['x'] })] })],
    ['null', 'null'],
  ])('loadState() rejects %s', (_, text) => {
    if (text !== undefined) {
      writeFileSync(join(dir, STATE_NAME), text);
    }
    expect(loadState(dir, 'n1')).toBeUndefined();
  });
});
