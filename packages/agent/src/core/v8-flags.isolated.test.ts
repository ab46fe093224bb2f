import { execFileSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { beforeEach, expect, test, vi } from 'vitest';
import { saveMemory, withRoom } from './v8-flags.ts';

vi.mock('node:v8', () => ({ setFlagsFromString: vi.fn() }));
const set = vi.mocked(setFlagsFromString);
const flags = (): string[] => set.mock.calls.map(([flag]) => flag);
beforeEach(() => set.mockClear());

test('saveMemory() keeps the young generation and the heap small', () => {
  saveMemory();
  expect(flags()).toEqual(['--semi-space-growth-factor=1', '--optimize-for-size']);
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
