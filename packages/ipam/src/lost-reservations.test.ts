import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sys } from '@cnikit/sys';
import { interpose } from '@cnikit/sys/testing';
import { beforeEach, expect, test } from 'vitest';
import { scratch } from '../test/scratch.ts';
import { type AddressInUse, fileStore } from './file-store.ts';
import { Ipam } from './ipam.ts';

const root = scratch();
let dir: string;
let inUse: AddressInUse[];
let calls: number;
beforeEach(() => {
  dir = join(mkdtempSync(join(root, 'lost-')), 'net');
  inUse = [];
  calls = 0;
});

const owner = (containerID: string) => ({ containerID, ifName: 'eth0' });
const open = (using = sys) =>
  new Ipam({
    rangeSets: [[{ subnet: '10.1.2.0/28' }]],
    store: fileStore({
      sys: using,
      dir,
      inUse() {
        calls++;
        return inUse;
      },
    }),
  });
const openForDel = () => new Ipam({ store: fileStore({ sys, dir }) });
const add = (containerID: string, using = sys): string | undefined =>
  open(using).add(owner(containerID)).ips[0]?.address;

test('Ipam.add() reserves the addresses of running pods again after the directory was lost', () => {
  for (const id of ['a', 'b']) {
    add(id);
  }
  rmSync(join(dir, '..'), { recursive: true });
  inUse = [
    { address: '10.1.2.2', owner: owner('a') },
    { address: '10.1.2.3', owner: owner('b') },
  ];
  expect(add('c')).toBe('10.1.2.4/28');
  calls = 0;
  expect(add('d')).toBe('10.1.2.5/28');
  expect(calls).toBe(0);
  expect(openForDel().del(owner('a'))).toEqual(['10.1.2.2']);
  expect(openForDel().held(owner('b'))).toEqual(['10.1.2.3']);
  expect(() => open().add({ ...owner('e'), requested: ['10.1.2.3'] })).toThrow(/not available/);
});

test('Ipam.add() allocates no address in use while its owner is unknown, also after DEL, GC and other ADDs', () => {
  inUse = [{ address: '10.1.2.2' }, { address: '10.1.2.4' }];
  expect(add('a')).toBe('10.1.2.3/28');
  openForDel().del(owner('a'));
  openForDel().gc([]);
  expect(add('b')).toBe('10.1.2.5/28');
  for (let i = 6; i < 15; i++) {
    expect(add(`c${i}`)).toBe(`10.1.2.${i}/28`);
  }
  expect(add('d')).toBe('10.1.2.3/28');
  expect(() => add('e')).toThrow(/no IP addresses available/);
  inUse = [{ address: '10.1.2.4' }];
  expect(add('e')).toBe('10.1.2.2/28');
  inUse = [];
  expect(add('f')).toBe('10.1.2.4/28');
  calls = 0;
  openForDel().del(owner('f'));
  expect(add('g')).toBe('10.1.2.4/28');
  expect(calls).toBe(0);
});

test('Ipam.add() looks again for an address in use only when it is the turn of that address', () => {
  inUse = [{ address: '10.1.2.2' }, { address: '10.1.2.3' }, { address: '10.1.2.12' }];
  expect(add('a')).toBe('10.1.2.4/28');
  expect(calls).toBe(1);
  for (let i = 5; i < 12; i++) {
    expect(add(`b${i}`)).toBe(`10.1.2.${i}/28`);
  }
  openForDel().del(owner('a'));
  expect(calls).toBe(1);
  expect(add('c')).toBe('10.1.2.13/28');
  expect(calls).toBe(2);
  expect(() => open().add({ ...owner('d'), requested: ['10.1.2.2'] })).toThrow(/not available/);
  expect(calls).toBe(3);
  inUse = [];
  expect(open().add({ ...owner('d'), requested: ['10.1.2.2'] }).ips[0]?.address).toBe('10.1.2.2/28');
  expect(calls).toBe(4);
  expect(open().add({ ...owner('e'), requested: ['10.1.2.3'] }).ips[0]?.address).toBe('10.1.2.3/28');
  expect(calls).toBe(4);
});

test('Ipam.add() looks for running pods again when the directory is lost while addresses have no owner', () => {
  inUse = [{ address: '10.1.2.2' }];
  expect(add('a')).toBe('10.1.2.3/28');
  rmSync(dir, { recursive: true });
  inUse = [{ address: '10.1.2.2' }, { address: '10.1.2.3' }];
  expect(add('b')).toBe('10.1.2.4/28');
});

test.each([
  ['its files', () => readdirSync(dir).filter((name) => !/^l/.test(name))],
  ['all its files', () => readdirSync(dir)],
])('Ipam.add() looks for running pods after the directory lost %s', (_, lost) => {
  expect(['a', 'b'].map((id) => add(id))).toEqual(['10.1.2.2/28', '10.1.2.3/28']);
  for (const name of lost()) {
    rmSync(join(dir, name));
  }
  inUse = [
    { address: '10.1.2.2', owner: owner('a') },
    { address: '10.1.2.3', owner: owner('b') },
    { address: '10.1.2.4' },
  ];
  expect(add('c')).toBe('10.1.2.5/28');
  expect(openForDel().del(owner('b'))).toEqual(['10.1.2.3']);
});

test('Ipam.add() looks for running pods in a directory that another program has made since', () => {
  mkdirSync(dir, { recursive: true });
  const other = new Ipam({ rangeSets: [[{ subnet: '10.1.2.0/28' }]], store: fileStore({ sys, dir }) });
  other.add(owner('other'));
  rmSync(join(dir, '../.cnikit'), { recursive: true });
  inUse = [
    { address: '10.1.2.2', owner: owner('other') },
    { address: '10.1.2.3', owner: owner('a') },
  ];
  expect(add('b')).toBe('10.1.2.4/28');
});

test('Ipam.add() looks again when it was killed or failed at any call before', () => {
  inUse = [
    { address: '10.1.2.2', owner: owner('a') },
    { address: '10.1.2.3', owner: owner('b') },
    { address: '10.1.2.4' },
  ];
  let at = 0;
  for (let done = false; !done; at++) {
    rmSync(join(dir, '..'), { recursive: true, force: true });
    mkdirSync(join(dir, '..'));
    let index = 0;
    const dying = interpose(sys, (_index, name) => {
      if (index++ >= at && name !== 'close') {
        throw new Error('killed');
      }
    });
    try {
      add('c', dying);
      done = true;
    } catch {
      // The next process continues.
    }
    const address = done ? '10.1.2.5/28' : expect.stringMatching(/^10\.1\.2\.[56]\/28$/);
    if (!done) {
      openForDel().del(owner('c'));
      expect(add('c')).toEqual(address);
    }
    expect(add('d')).toMatch(/^10\.1\.2\.[67]\/28$/);
    expect(openForDel().del(owner('a'))).toEqual(['10.1.2.2']);
    expect(openForDel().del(owner('b'))).toEqual(['10.1.2.3']);
  }
  expect(at).toBeGreaterThan(20);
});
