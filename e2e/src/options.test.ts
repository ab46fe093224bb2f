import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('parseOptions() selects the newest Kubernetes with kube-proxy in nftables mode by default', () => {
  expect(parseOptions([])).toMatchObject({
    command: 'run',
    release: 'newest',
    proxy: 'nftables',
    family: 'dual',
    keep: false,
  });
});

test('parseOptions() selects iptables mode for the oldest Kubernetes, which has no other', () => {
  expect(parseOptions(['--kubernetes', 'oldest'])).toMatchObject({ release: 'oldest', proxy: 'iptables' });
  expect(() => parseOptions(['--kubernetes', 'oldest', '--proxy', 'nftables'])).toThrow(
    'Invalid --proxy "nftables": expected iptables with --kubernetes oldest',
  );
});

test('parseOptions() rejects unknown words, options, families and releases', () => {
  expect(() => parseOptions(['--family', '6'])).toThrow('Invalid --family "6": expected dual, ipv4 or ipv6');
  expect(() => parseOptions(['up'])).toThrow('Unknown argument "up": expected options or "down"');
  expect(() => parseOptions(['down', 'now'])).toThrow('Unknown argument "down now"');
  expect(() => parseOptions(['--verbose'])).toThrow("Unknown option '--verbose'");
  expect(() => parseOptions(['--kubernetes', '1.20'])).toThrow(
    'Invalid --kubernetes "1.20": expected newest or oldest',
  );
});

test('parseOptions() takes the layout of pods, and leaves it to the agent by default', () => {
  expect(parseOptions([]).layout).toBeUndefined();
  expect(parseOptions(['--layout', 'routed']).layout).toBe('routed');
  expect(() => parseOptions(['--layout', 'flat'])).toThrow(
    'Invalid --layout "flat": expected bridge or routed',
  );
});

test('parseOptions() accepts "down" and --help', () => {
  expect(parseOptions(['down']).command).toBe('down');
  expect(parseOptions(['-h']).command).toBe('help');
});
