import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { O_RDONLY, type Sys, sys } from '@cnikit/sys';
import { beforeEach, describe, expect, test } from 'vitest';
import { scratch } from '../../test/scratch.ts';
import { fileStore } from '../file-store.ts';
import { Ipam } from '../index.ts';
import { run } from './run.ts';
import { age } from './table.ts';

const root = scratch();
let count = 0;
let dataDir: string;

function pool(network: string, subnet: string): Ipam {
  return new Ipam({ rangeSets: [[{ subnet }]], store: fileStore({ sys, dir: join(dataDir, network) }) });
}

beforeEach(() => {
  dataDir = join(root, String(count++));
  const blue = pool('blue', '10.1.2.0/24');
  blue.add({ containerID: 'a', ifName: 'eth0', pod: 'default/web-0' });
  blue.add({ containerID: 'b', ifName: 'eth0' });
  pool('red', '10.2.2.0/24').add({ containerID: 'a', ifName: 'net1' });
  mkdirSync(join(dataDir, 'no-network'));
});

function command(...argv: string[]): { status: number; out: string; err: string } {
  return commandOver({}, ...argv);
}

function commandOver(changes: Partial<Sys>, ...argv: string[]): { status: number; out: string; err: string } {
  const out: string[] = [];
  const err: string[] = [];
  const later = { ...sys, ...changes, realtimeMs: () => sys.realtimeMs() + 3 * 3_600_000 };
  const status = run(['--data-dir', dataDir, ...argv], {
    sys: later,
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    version: '1.2.3',
  });
  return { status, out: out.join(''), err: err.join('') };
}

const LIST = `NETWORK  ADDRESS   CONTAINER  INTERFACE  POD            AGE
blue     10.1.2.2  a          eth0       default/web-0  3h
blue     10.1.2.3  b          eth0       -              3h
red      10.2.2.2  a          net1       -              3h
`;

describe('cnikit-ipam', () => {
  test('cnikit-ipam list prints every reservation and warns of invalid files', () => {
    expect(command('list')).toEqual({ status: 0, out: LIST, err: '' });
    writeFileSync(join(dataDir, 'red', '10.2.2.9'), '');
    expect(command('list').err).toMatch(
      /^Warning: .*red\/10\.2\.2\.9 is empty; its address counts as free\n$/,
    );
    expect(command('list', '--network', 'red').out.split('\n')).toHaveLength(3);
  });

  test('cnikit-ipam list --json prints JSON', () => {
    const rows = JSON.parse(command('list', '--json').out);
    expect(rows[0]).toEqual({
      network: 'blue',
      dir: join(dataDir, 'blue'),
      address: '10.1.2.2',
      containerID: 'a',
      ifName: 'eth0',
      pod: 'default/web-0',
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  test('cnikit-ipam list prints the header and a warning for a missing directory', () => {
    const dir = join(dataDir, 'none');
    expect(command('list', '--network', 'none', '--data-dir', dir)).toEqual({
      status: 0,
      out: 'NETWORK  ADDRESS  CONTAINER  INTERFACE  POD  AGE\n',
      err: `Warning: --data-dir ${dir} does not exist\n`,
    });
  });

  test('cnikit-ipam show finds reservations by address and by container', () => {
    expect(command('show', 'a').out.split('\n')).toHaveLength(4);
    expect(command('show', '10.1.2.3').out).toContain('10.1.2.3  b');
    expect(command('show', 'missing')).toEqual({
      status: 1,
      out: '',
      err: 'No reservation found for missing\n',
    });
  });

  test('cnikit-ipam release frees reservations and prints them', () => {
    const { status, out } = command('release', 'a', '--network', 'blue');
    expect([status, out.split('\n')[1]]).toEqual([0, expect.stringContaining('10.1.2.2  a')]);
    expect(command('show', 'a').out.split('\n')).toHaveLength(3);
    expect(command('release', '10.1.2.2').status).toBe(1);
  });

  test('cnikit-ipam gc frees all invalid attachments, and --dry-run only prints them', () => {
    const valid = join(dataDir, 'valid.json');
    writeFileSync(valid, '[{"containerID":"a","ifname":"eth0"}]');
    expect(command('gc', '--valid', valid, '--dry-run').out.split('\n')).toHaveLength(4);
    expect(command('list').out).toBe(LIST);
    expect(command('gc', '--valid', valid, '--before', '2001-01-01T00:00:00Z').out.split('\n')).toHaveLength(
      2,
    );
    expect(command('gc', '--valid', valid).out.split('\n')).toHaveLength(4);
    expect(command('list').out.split('\n')).toHaveLength(3);
  });

  test('cnikit-ipam gc takes as long a list from standard input as from a file', () => {
    const valid = join(dataDir, 'valid.json');
    writeFileSync(valid, JSON.stringify([{ containerID: 'a', ifname: 'eth0', note: 'x'.repeat(2 << 20) }]));
    const stdin = sys.open(valid, O_RDONLY);
    const changes = { readFdText: (_: number, maxBytes?: number) => sys.readFdText(stdin, maxBytes) };
    expect(commandOver(changes, 'gc', '--valid', '-', '--dry-run')).toMatchObject({ status: 0, err: '' });
    sys.close(stdin);
    expect(command('gc', '--valid', valid, '--dry-run').status).toBe(0);
  });

  test.each<[string[], RegExp]>([
    [['frobnicate'], /^Unknown command: /],
    [['show'], /^show needs an ADDRESS or CONTAINER/],
    [['release'], /^release needs an ADDRESS or CONTAINER/],
    [['list', 'x'], /^list takes no arguments: x/],
    [['gc', 'x', '--valid', 'y'], /^gc takes no arguments: x/],
    [['--bogus'], /^Unknown option '--bogus'/],
    [['gc'], /^gc needs --valid FILE/],
    [[], /^Usage: /],
  ])('cnikit-ipam %j exits 2 and prints the usage', (argv, message) => {
    const { status, out, err } = command(...argv);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err).toContain('Usage: cnikit-ipam list');
  });

  test.each<[string, number, RegExp]>([
    ['{', 2, /valid\.json is not JSON: /],
    ['{}', 2, /must contain a JSON array/],
    ['[{"containerID":"a"}]', 2, /\[0\] must have containerID and ifname/],
    ['[5]', 1, /must be an object, not number/],
  ])('cnikit-ipam gc refuses the list %s and frees nothing', (text, status, message) => {
    const valid = join(dataDir, 'valid.json');
    writeFileSync(valid, text);
    const result = command('gc', '--valid', valid);
    expect(result.status).toBe(status);
    expect(result.err).toMatch(message);
    expect(command('list').out).toBe(LIST);
  });

  test('cnikit-ipam --help prints to standard output', () => {
    expect(command('--help')).toMatchObject({ status: 0, err: '', out: expect.stringContaining('Usage:') });
  });

  test('cnikit-ipam --version prints the version', () => {
    expect(command('--version')).toEqual({ status: 0, out: '1.2.3\n', err: '' });
  });
});

describe('age()', () => {
  test.each([
    [-5, '0s'],
    [119_999, '119s'],
    [120_000, '2m'],
    [7_200_000, '2h'],
    [172_800_000, '2d'],
  ])('age() writes %d ms as %s', (ms, text) => {
    expect(age(ms)).toBe(text);
  });
});
