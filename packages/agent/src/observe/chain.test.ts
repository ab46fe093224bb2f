import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { chainReader, parseChain } from './chain.ts';

describe('parseChain()', () => {
  test('parseChain() keeps every field of every plugin, in order', () => {
    const plugins = [
      { type: 'tuning', sysctl: { 'net.core.somaxconn': '500' } },
      { type: 'x-1.y', a: [1] },
    ];
    expect(parseChain(JSON.stringify(plugins))).toEqual(plugins);
    expect(parseChain('[]')).toEqual([]);
  });

  test.each([
    ['no JSON', '[{', /JSON/],
    ['an object', '{"type":"tuning"}', /not a JSON list/],
    ['a list of something else', '["tuning"]', /entry 0 is not an object/],
    ['an entry without type', '[{"type":"tuning"},{}]', /"type" of entry 1 is undefined/],
    ['a path', '[{"type":"../sh"}]', /"type" of entry 0 is "..\/sh"/],
    ['a name', '[{"type":"tuning","name":"mine"}]', /entry 0 \(tuning\) has "name"/],
    ['too many', JSON.stringify(new Array(17).fill({ type: 'a' })), /more than 16/],
  ])('parseChain() refuses %s', (_, text, reason) => {
    expect(() => parseChain(text)).toThrow(reason);
  });
});

describe('chainReader()', () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'cnikit-chain-'));
    file = join(dir, 'chain.json');
    return () => rmSync(dir, { recursive: true });
  });

  test('chainReader() follows the file, reports an invalid one and keeps the last valid plugins', () => {
    const read = chainReader(file, () => undefined);
    writeFileSync(file, '[{"type":"tuning"}]');
    expect(read()).toEqual({ plugins: [{ type: 'tuning' }], problems: [] });
    writeFileSync(file, '[{"type":');
    expect(read()).toMatchObject({ plugins: [{ type: 'tuning' }], problems: [{ kind: 'chain' }] });
    writeFileSync(file, '[]');
    expect(read()).toEqual({ plugins: [], problems: [] });
  });

  test('chainReader() asks each type for its CNI versions once', () => {
    writeFileSync(file, '[{"type":"tuning"},{"type":"tuning","a":1},{"type":"sbr"}]');
    const asked: string[] = [];
    const read = chainReader(
      file,
      () => undefined,
      (type) => {
        asked.push(type);
        return { type, versions: ['1.0.0'] };
      },
    );
    expect(read().spoken).toEqual(['tuning', 'sbr'].map((type) => ({ type, versions: ['1.0.0'] })));
    expect(asked).toEqual(['tuning', 'sbr']);
  });

  test('chainReader() takes the last valid plugins of an earlier process from the conflist', () => {
    const earlier = { name: 'cnikit', plugins: [{ type: 'cnikit' }, { type: 'tuning', mtu: 1400 }] };
    const read = chainReader(file, () => JSON.stringify(earlier));
    expect(read()).toMatchObject({ plugins: [{ type: 'tuning', mtu: 1400 }] });
  });

  test.each([
    ['none', undefined],
    ['a broken one', '{"name":'],
    ['a foreign one', '{"name":"other","plugins":[{"type":"a"},{"type":"b"}]}'],
  ])('chainReader() returns no plugins for an unreadable file with %s conflist', (_, conflist) => {
    const { plugins, problems } = chainReader(file, () => conflist)();
    expect(plugins).toBeUndefined();
    expect(problems[0]!.message).toMatch(/ENOENT.* No CNI configuration is written until it is fixed/);
  });
});
