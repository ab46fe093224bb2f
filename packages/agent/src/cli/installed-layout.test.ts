import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../config/config.ts';
import { withInstalledLayout } from './installed-layout.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-layout-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const configWith = (conflist: string, ...options: string[]) => {
  writeFileSync(join(dir, '05-cnikit.conflist'), conflist);
  const argv = ['doctor', '--node-name=n1', `--cni-conf-dir=${dir}`, ...options];
  return withInstalledLayout(parseConfig(argv, {}));
};
const layoutWith = (conflist: string, ...options: string[]) => configWith(conflist, ...options).layout;

test('withInstalledLayout() takes the layout of the installed conflist unless an option names it', () => {
  const routed = JSON.stringify({ plugins: [{ type: 'cnikit', layout: 'routed' }] });
  expect(layoutWith(routed)).toBe('routed');
  expect(layoutWith(routed, '--layout=bridge')).toBe('bridge');
  expect(layoutWith('{"plugins":[{"type":"cnikit"}]}')).toBe('bridge');
});

test('withInstalledLayout() takes the namespaces for foreign source addresses of the installed conflist unless an option names them', () => {
  const namespaces = (foreignSourceNamespaces: unknown, ...options: string[]) =>
    configWith(JSON.stringify({ plugins: [{ foreignSourceNamespaces }] }), ...options)
      .foreignSourceNamespaces;
  expect(namespaces(['vpn', 'edge'])).toEqual(['vpn', 'edge']);
  expect(namespaces(['vpn'], '--foreign-source-namespaces=a')).toEqual(['a']);
  expect(namespaces(['vpn'], '--foreign-source-namespaces=')).toEqual([]);
  expect(namespaces(undefined)).toEqual([]);
  expect(namespaces(7)).toEqual([]);
});

test('withInstalledLayout() takes --mac-from-address of the installed conflist unless the option is given', () => {
  const macFromAddress = (value: unknown, ...options: string[]) =>
    configWith(JSON.stringify({ plugins: [{ macFromAddress: value }] }), ...options).macFromAddress;
  expect(macFromAddress(true)).toBe(true);
  expect(macFromAddress(undefined)).toBe(false);
  expect(macFromAddress(undefined, '--mac-from-address')).toBe(true);
});

test('withInstalledLayout() leaves the layout open for a damaged conflist', () => {
  for (const text of ['', '{', 'null', '[]', '{"plugins":{}}']) {
    expect(() => layoutWith(text)).not.toThrow();
    expect(layoutWith(text)).not.toBe('routed');
  }
});
