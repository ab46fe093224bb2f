import { execFileSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { beforeEach, expect, test, vi } from 'vitest';
import { ListSize, saveMemory, withRoom } from './v8-flags.ts';

vi.mock('node:v8', () => ({ setFlagsFromString: vi.fn() }));
const set = vi.mocked(setFlagsFromString);
const flags = (): string[] => set.mock.calls.map(([flag]) => flag);
beforeEach(() => set.mockClear());

const COMPILERS_ON = ['--sparkplug', '--maglev', '--turbofan'];
const COMPILERS_OFF = ['--no-sparkplug', '--no-maglev', '--no-turbofan'];

function count(size: ListSize, objects: number): void {
  for (let i = 0; i < objects; i++) {
    size.count();
  }
}

test('saveMemory() keeps the young generation small and the compilers off', () => {
  saveMemory();
  expect(flags()).toEqual(['--semi-space-growth-factor=1', '--optimize-for-size', ...COMPILERS_OFF]);
});

test('ListSize.count() lets V8 compile once a list has 150 objects', () => {
  const size = new ListSize();
  count(size, 149);
  expect(flags()).toEqual([]);
  count(size, 1);
  expect(flags()).toEqual(COMPILERS_ON);
  count(size, 1000);
  expect(flags()).toEqual(COMPILERS_ON);
});

test('ListSize.reset() makes separate lists and events of a small cluster count separately', () => {
  const size = new ListSize();
  for (let list = 0; list < 10; list++) {
    count(size, 100);
    size.reset();
  }
  expect(flags()).toEqual([]);
});

test('withRoom() lifts the limit of the heap for one computation, also when it throws', () => {
  expect(
    withRoom(() => {
      expect(flags()).toEqual(['--no-optimize-for-size']);
      return 7;
    }),
  ).toBe(7);
  expect(flags()).toEqual(['--no-optimize-for-size', '--optimize-for-size']);
  expect(() =>
    withRoom(() => {
      throw new Error('in the computation');
    }),
  ).toThrow('in the computation');
  expect(flags().at(-1)).toBe('--optimize-for-size');
});

test('V8 accepts every flag, and collectGarbage() frees what nothing refers to', () => {
  const program = `
    import { setImmediate } from 'node:timers/promises';
    import * as flags from '${import.meta.dirname}/v8-flags.ts';
    flags.saveMemory();
    const size = new flags.ListSize();
    for (let i = 0; i < 150; i++) size.count();
    flags.withRoom(() => undefined);
    const kept = { name: 'kept' };
    const refs = [kept, { name: 'garbage' }].map((object) => new WeakRef(object));
    await setImmediate();
    flags.collectGarbage();
    console.log(JSON.stringify([refs.map((ref) => ref.deref()?.name ?? null), kept.name, typeof globalThis.gc]));`;
  const argv = ['--conditions=@cnikit/source', '--input-type=module', '-e', program];
  // V8 reports an unknown flag on standard error.
  const output = execFileSync(process.execPath, argv, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(JSON.parse(output)).toEqual([['kept', null], 'kept', 'undefined']);
});
