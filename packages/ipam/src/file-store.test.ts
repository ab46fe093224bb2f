import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCK_EX, O_CREAT, O_RDWR, SysError, sys } from '@cnikit/sys';
import { interpose } from '@cnikit/sys/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { commands, compare } from '../test/model.ts';
import { scratch } from '../test/scratch.ts';
import { fileStore } from './file-store.ts';
import { Ipam } from './index.ts';

const root = scratch();

let dir: string;
let count = 0;
beforeEach(() => {
  dir = join(root, String(count++), 'net');
});

const owner = (containerID: string, ifName = 'eth0') => ({ containerID, ifName });
const open = (through = sys) =>
  new Ipam({ rangeSets: [[{ subnet: '10.1.2.0/29' }]], store: fileStore({ sys: through, dir }) });
const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
const get = (name: string) => readFileSync(join(dir, name), 'utf8');

/** Reserves an address as another program does, without index and seal. */
function foreignAdd(address: string, text: string, rangeSet = 0): void {
  put(address, text);
  put(`last_reserved_ip.${rangeSet}`, address);
}

test('add() works when another process makes the directory between its open and its mkdir', () => {
  let first = true;
  const raced = interpose(sys, (_index, name, args) => {
    if (name !== 'open' || !first) {
      return;
    }
    first = false;
    mkdirSync(dir, { recursive: true });
    throw new SysError({ syscall: 'open', errno: 2, path: String(args[0]) });
  });
  expect(open(raced).add(owner('c1')).ips).toHaveLength(1);
});

describe('fileStore() on disk', () => {
  test("fileStore() writes host-local's format: names, content, modes", () => {
    open().add(owner('a'));
    expect(readdirSync(dir).sort()).toEqual(['10.1.2.2', 'last_reserved_ip.0', 'lock']);
    expect(get('10.1.2.2')).toBe('a\r\neth0');
    expect(get('last_reserved_ip.0')).toBe('10.1.2.2');
    const mode = (name: string) => statSync(join(dir, name)).mode & 0o777;
    expect(['10.1.2.2', 'last_reserved_ip.0', '.'].map(mode)).toEqual([0o600, 0o600, 0o755]);
  });

  test('fileStore() removes all traces of a deleted attachment, also in the index', () => {
    const ipam = open();
    ipam.add({ ...owner('a'), pod: 'default/web' });
    ipam.add(owner('b'));
    expect(ipam.list().reservations[0]).toMatchObject({ pod: 'default/web', since: expect.any(Number) });
    ipam.del(owner('a'));
    ipam.del(owner('b'));
    expect(readdirSync(dir).sort()).toEqual(['last_reserved_ip.0', 'lock']);
    const index = readdirSync(join(dir, '../.cnikit/net'));
    expect(index).toHaveLength(1);
    expect(index[0]).toMatch(/^\.seal:/);
  });

  test('fileStore() truncates last_reserved_ip when the new address is shorter', () => {
    mkdirSync(dir, { recursive: true });
    put('last_reserved_ip.0', '10.1.2.6');
    const store = fileStore({ sys, dir });
    store.lock(() => {
      store.last(0);
      store.reserve('10.1.2.123', owner('a'), 0);
      store.last(0);
      store.reserve('10.1.2.4', owner('b'), 0);
    });
    expect(get('last_reserved_ip.0')).toBe('10.1.2.4');
  });

  test.each(['', 'hello', '10.1.2.5\n', '../../etc/passwd', 'FD00::1'])(
    'fileStore() starts at the beginning after last_reserved_ip %j',
    (text) => {
      mkdirSync(dir, { recursive: true });
      put('last_reserved_ip.0', text);
      expect(open().add(owner('a')).ips[0]!.address).toBe('10.1.2.2/29');
      expect(get('last_reserved_ip.0')).toBe('10.1.2.2');
    },
  );
});

describe('fileStore() beside other programs', () => {
  test('fileStore() finds, refuses and frees reservations of other programs', () => {
    const ipam = open();
    ipam.add(owner('a'));
    foreignAdd('10.1.2.3', 'b\r\neth0');
    expect(() => ipam.add(owner('b'))).toThrow(/10\.1\.2\.3 has been allocated to b/);
    expect(ipam.add(owner('c')).ips[0]!.address).toBe('10.1.2.4/29');
    expect(ipam.del(owner('b'))).toEqual(['10.1.2.3']);
    expect(ipam.del(owner('b'))).toEqual([]);
  });

  test('fileStore() notices a new owner of the last address', () => {
    const ipam = open();
    ipam.add(owner('a'));
    rmSync(join(dir, '10.1.2.2'));
    foreignAdd('10.1.2.2', 'b\r\neth0');
    expect(ipam.del(owner('a'))).toEqual([]);
    expect(ipam.del(owner('b'))).toEqual(['10.1.2.2']);
  });

  test('fileStore() frees old reservations without interface name and with white space', () => {
    mkdirSync(dir, { recursive: true });
    foreignAdd('10.1.2.2', 'a');
    foreignAdd('10.1.2.3', ' b\r\neth0\n');
    const ipam = open();
    expect(() => ipam.add(owner('a'))).toThrow(/10\.1\.2\.2 has been allocated to a/);
    ipam.check(owner('a'));
    expect(ipam.del(owner('a'))).toEqual(['10.1.2.2']);
    expect(ipam.del(owner('b'))).toEqual(['10.1.2.3']);
  });

  test('fileStore() reads all files only after a write of another program', () => {
    let reads = 0;
    const counting = interpose(sys, (_index, name) => {
      if (name === 'readText') {
        reads++;
      }
    });
    const ipam = open(counting);
    for (const id of ['a', 'b', 'c', 'd']) {
      ipam.add(owner(id));
    }
    const measure = (work: () => void) => {
      reads = 0;
      work();
      return reads;
    };
    expect(measure(() => ipam.add(owner('e')))).toBe(1);
    expect(measure(() => ipam.del(owner('e')))).toBe(2);
    expect(measure(() => ipam.del(owner('e')))).toBe(1);
    expect(measure(() => open(counting).del(owner('zz')))).toBe(1);
    rmSync(join(dir, '10.1.2.2'));
    // The clock of files may stand still for 4 ms.
    utimesSync(dir, 1, 1);
    expect(measure(() => ipam.del(owner('zz')))).toBe(4);
    expect(measure(() => ipam.del(owner('zz')))).toBe(1);
  });

  test('fileStore() is not misled by index entries of pods that another program deleted, and tidy() removes them', () => {
    const ipam = open();
    const store = fileStore({ sys, dir });
    const index = join(dir, '../.cnikit/net');
    const entries = () =>
      readdirSync(index, { recursive: true, encoding: 'utf8' }).filter((name) => !name.startsWith('.'));
    ipam.add(owner('a'));
    ipam.add(owner('b'));
    expect(store.orphans?.()).toEqual([]);
    rmSync(join(dir, '10.1.2.2'));
    rmSync(join(dir, '10.1.2.3'));
    // The other program gives the address of one to a new owner, and the other owner a new address.
    foreignAdd('10.1.2.2', 'c\r\neth0');
    foreignAdd('10.1.2.4', 'b\r\neth0');
    expect(store.orphans?.().sort()).toEqual(['a:eth0', 'b:eth0/10.1.2.3']);
    expect(ipam.held(owner('a'))).toEqual([]);
    expect(ipam.held(owner('b'))).toEqual(['10.1.2.4']);
    expect(ipam.del(owner('a'))).toEqual([]);
    expect(get('10.1.2.2')).toBe('c\r\neth0');
    rmSync(join(dir, '10.1.2.4'));
    foreignAdd('10.1.2.5', 'b\r\neth0');
    ipam.gc([owner('b'), owner('c')]);
    expect(store.orphans?.()).toEqual([]);
    expect(entries().sort()).toEqual(['b:eth0', 'b:eth0/10.1.2.5', 'c:eth0', 'c:eth0/10.1.2.2']);
    expect(ipam.add(owner('a')).ips[0]?.address).toBe('10.1.2.6/29');
  });

  test('tidy() removes the index entries of the last pods of a network', () => {
    const ipam = open();
    const store = fileStore({ sys, dir });
    ipam.add({ ...owner('a'), pod: 'default/web' });
    rmSync(join(dir, '10.1.2.2'));
    expect(store.orphans?.()).toEqual(['a:eth0']);
    store.lock(() => store.tidy?.());
    expect(store.orphans?.()).toEqual([]);
    expect(ipam.list().reservations).toEqual([]);
  });

  test('tidy() removes the index of another network whose directory is gone, and keeps the others', () => {
    const dataDir = join(dir, '..');
    const network = (name: string) =>
      new Ipam({
        rangeSets: [[{ subnet: '10.1.2.0/29' }]],
        store: fileStore({ sys, dir: join(dataDir, name) }),
      });
    for (const name of ['gone', 'kept', 'net']) {
      network(name).add({ ...owner('a'), pod: 'default/web' });
    }
    rmSync(join(dataDir, 'gone'), { recursive: true });
    const store = fileStore({ sys, dir });
    expect(store.orphans?.()).toEqual([join(dataDir, '.cnikit/gone')]);
    network('net').gc([owner('a')]);
    expect(readdirSync(join(dataDir, '.cnikit')).sort()).toEqual(['kept', 'net']);
    expect(store.orphans?.()).toEqual([]);
    expect(readdirSync(dataDir).sort()).toEqual(['.cnikit', 'kept', 'net']);
    expect(network('kept').held(owner('a'))).toHaveLength(1);
    expect(network('gone').add(owner('b')).ips).toHaveLength(1);
  });

  test('fileStore() makes few calls for one ADD and one DEL', () => {
    let calls: string[] = [];
    const ipam = open(interpose(sys, (_index, name) => calls.push(name)));
    ipam.add(owner('a'));
    calls = [];
    ipam.add(owner('b'));
    expect(calls.join(' ')).toBe(
      'open flock readText statIfExists stat statIfExists mkdir writeText link writeText statIfExists stat rename close',
    );
    calls = [];
    ipam.del(owner('b'));
    expect(calls.join(' ')).toBe(
      'open flock readText statIfExists stat statIfExists readdir readText unlink unlink rmdir statIfExists stat rename close',
    );
  });

  test('find() leaves nothing on disk when no reservation follows', () => {
    const ipam = open();
    ipam.add(owner('a'));
    const store = fileStore({ sys, dir });
    const find = (id: string) => store.lock(() => store.find(owner(id), true));
    expect([find('a'), find('b')]).toEqual([['10.1.2.2'], []]);
    const failing = () =>
      store.lock(() => {
        // Another owner: a second find() for the same one would remove what the first one left.
        store.find(owner('c'), true);
        throw new Error('failed');
      });
    expect(failing).toThrow('failed');
    expect(readdirSync(join(dir, '../.cnikit/net')).filter((name) => !name.startsWith('.seal:'))).toEqual([
      'a:eth0',
    ]);
    expect(store.orphans?.()).toEqual([]);
  });

  test('reserve() succeeds after tidy() has removed what find() prepared', () => {
    const store = fileStore({ sys, dir });
    open().add(owner('a'));
    store.lock(() => {
      store.find(owner('b'), true);
      store.tidy?.();
      expect(store.reserve('10.1.2.3', owner('b'), 0)).toBe(true);
    });
    expect(open().held(owner('b'))).toEqual(['10.1.2.3']);
  });

  test('fileStore() survives the loss of its index and of the whole directory', () => {
    const ipam = open();
    ipam.add(owner('a'));
    rmSync(join(dir, '../.cnikit'), { recursive: true });
    expect(ipam.del(owner('a'))).toEqual(['10.1.2.2']);
    ipam.add(owner('b'));
    rmSync(dir, { recursive: true });
    expect(ipam.del(owner('b'))).toEqual([]);
    expect(ipam.add(owner('b')).ips).toHaveLength(1);
  });

  test('fileStore() agrees with the model for random users of one directory', () => {
    let run = 0;
    fc.assert(
      fc.property(commands, (history) => {
        const shared = join(dir, String(run++));
        compare(
          history,
          [1, 2, 3].map(() => fileStore({ sys, dir: shared })),
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe('fileStore() with invalid files', () => {
  beforeEach(() => {
    mkdirSync(dir, { recursive: true });
  });

  test('list() reports files that are not reservations and continues', () => {
    put('10.1.2.2', 'a\r\neth0');
    put('10.1.2.3', '');
    put('10.1.2.4', 'a b c');
    put('10.1.2.5', '../../x\r\neth0');
    put('10.1.2.06', 'a\r\neth0');
    put('notes', 'a\r\neth0');
    mkdirSync(join(dir, '10.1.2.6'));
    put('10.1.2.7', 'a\r\neth0\r\nx');
    put('10.1.2.8', 'a\r\n\r\neth0');
    put('fd00::2', 'x'.repeat(5000));
    const { reservations, problems } = open().list();
    expect(reservations.map(({ address }) => address)).toEqual(['10.1.2.2']);
    expect(problems.map(({ name }) => name).sort()).toEqual(
      [
        '10.1.2.06',
        '10.1.2.3',
        '10.1.2.4',
        '10.1.2.5',
        '10.1.2.6',
        '10.1.2.7',
        '10.1.2.8',
        'fd00::2',
        'notes',
      ].sort(),
    );
    expect(problems.find(({ name }) => name === '10.1.2.3')?.message).toMatch(
      /is empty; its address counts as free$/,
    );
    expect(open().gc([]).freed).toHaveLength(1);
  });

  test('reserve() takes the address of an empty file', () => {
    for (const last of ['2', '3', '4', '5', '6']) {
      put(`10.1.2.${last}`, '');
    }
    const ipam = open();
    expect(ipam.add({ ...owner('a'), requested: ['10.1.2.4'] }).ips[0]!.address).toBe('10.1.2.4/29');
    for (const id of ['b', 'c', 'd', 'e']) {
      ipam.add(owner(id));
    }
    expect(() => ipam.add(owner('f'))).toThrow(expect.objectContaining({ code: 'EXHAUSTED' }));
    expect(ipam.list().problems).toEqual([]);
  });

  test('Ipam.add() reclaims empty files when many addresses in a row are taken', () => {
    const store = fileStore({ sys, dir });
    const ipam = new Ipam({ rangeSets: [[{ subnet: '10.1.2.0/27' }]], store });
    for (let i = 0; i < 28; i++) {
      ipam.add(owner(`a${i}`));
    }
    put('10.1.2.25', '');
    put('10.1.2.30', '');
    expect(ipam.add(owner('b')).ips[0]!.address).toBe('10.1.2.30/27');
    expect(ipam.add(owner('c')).ips[0]!.address).toBe('10.1.2.25/27');
  });

  test('Ipam.add() skips the address of a file without owner', () => {
    put('10.1.2.2', 'what is this?');
    const ipam = open();
    expect(ipam.add(owner('a')).ips[0]!.address).toBe('10.1.2.3/29');
    expect(ipam.del(owner('a'))).toEqual(['10.1.2.3']);
    expect(get('10.1.2.2')).toBe('what is this?');
  });
});

describe('fileStore() errors', () => {
  test('lock() gives up with LOCK_TIMEOUT, code 11, and takes the lock once it is free', () => {
    open().add(owner('a'));
    const held = sys.open(join(dir, 'lock'), O_RDWR | O_CREAT, 0o600);
    sys.flock(held, LOCK_EX);
    let now = 0;
    const pauses: number[] = [];
    const clock = {
      ...sys,
      monotonicMs: () => now,
      sleepMs(ms: number) {
        pauses.push(ms);
        now += ms;
      },
    };
    const ipam = new Ipam({
      rangeSets: [[{ subnet: '10.1.2.0/29' }]],
      store: fileStore({ sys: clock, dir, lockTimeoutMs: 50 }),
    });
    expect(() => ipam.add(owner('b'))).toThrow(
      expect.objectContaining({ code: 'LOCK_TIMEOUT', cniCode: 11 }),
    );
    expect(pauses).toEqual([1, 2, 4, 8, 16, 16, 3]);
    sys.close(held);
    expect(ipam.add(owner('b')).ips).toHaveLength(1);
  });

  test.each<[string, string]>([
    ['open', 'EACCES'],
    ['flock', 'ENOLCK'],
    ['link', 'EXDEV'],
    ['writeText', 'ENOSPC'],
  ])('Ipam.add() throws IO with its cause when %s fails, and reserves nothing', (call, code) => {
    const failing = interpose(sys, (_index, name, [path]) => {
      if (name === call && !String(path).endsWith('.seal')) {
        throw new SysError({
          syscall: name,
          errno: { EACCES: 13, ENOLCK: 37, EXDEV: 18, ENOSPC: 28 }[code]!,
          path: dir,
        });
      }
    });
    open().list();
    expect(() => open(failing).add(owner('a'))).toThrow(
      expect.objectContaining({ code: 'IO', cniCode: 5, cause: expect.objectContaining({ code }) }),
    );
    expect(open().list().reservations).toEqual([]);
  });
});
