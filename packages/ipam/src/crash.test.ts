import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sys, SysError, sys } from '@cnikit/sys';
import { interpose } from '@cnikit/sys/testing';
import { describe, expect, test } from 'vitest';
import { scratch } from '../test/scratch.ts';
import { isAddressName, isOwnName } from './file/format.ts';
import { fileStore } from './file-store.ts';
import { Ipam, IpamError } from './index.ts';

const root = scratch();
// These tests throw thousands of errors, and stack traces take three quarters of their time.
Error.stackTraceLimit = 0;

const RANGE_SETS = [[{ subnet: '10.1.2.0/28' }], [{ subnet: 'fd00::/64' }]];
const owner = (containerID: string) => ({ containerID, ifName: 'eth0' });
const open = (dir: string, through: Sys = sys) =>
  new Ipam({ rangeSets: RANGE_SETS, store: fileStore({ sys: through, dir }) });

/** Initial states. Each holds reservations of `old`, which must survive. */
const STATES: Record<string, (dir: string) => void> = {
  'with an index': (dir) => {
    open(dir).add(owner('old'));
    open(dir).add(owner('gone'));
  },
  'without an index': (dir) => {
    open(dir).add(owner('old'));
    open(dir).add(owner('gone'));
    rmSync(join(dir, '../.cnikit'), { recursive: true });
  },
  'after a foreign write': (dir) => {
    open(dir).add(owner('old'));
    open(dir).add(owner('gone'));
    writeFileSync(join(dir, '10.1.2.9'), 'foreign\r\neth0');
    writeFileSync(join(dir, 'last_reserved_ip.0'), '10.1.2.9');
  },
  'with an empty file in the way': (dir) => {
    open(dir).add(owner('old'));
    open(dir).add(owner('gone'));
    writeFileSync(join(dir, '10.1.2.4'), '');
  },
};

const OPERATIONS: Record<string, (ipam: Ipam) => void> = {
  add: (ipam) => void ipam.add({ ...owner('new'), pod: 'default/new' }),
  'add by request': (ipam) => void ipam.add({ ...owner('new'), requested: ['10.1.2.4', 'fd00::77'] }),
  del: (ipam) => void ipam.del(owner('gone')),
  'del of nothing': (ipam) => void ipam.del(owner('stranger')),
  gc: (ipam) => void ipam.gc([owner('old'), owner('foreign')]),
};

/** Simulates the end of the process at a chosen call. */
class Killed extends Error {}

/**
 * Returns system calls whose process dies at call `at`. With `half`, writeText() has opened its file by then.
 */
function mortal(at: number, half: boolean): { kernel: Sys; bury: () => void } {
  const files = new Set<number>();
  const tracking: Sys = {
    ...sys,
    open(...args) {
      const fd = sys.open(...args);
      files.add(fd);
      return fd;
    },
    close(fd) {
      files.delete(fd);
      sys.close(fd);
    },
  };
  const kernel = interpose(tracking, (index, name, args) => {
    if (index < at) {
      return;
    }
    if (index === at && half && name === 'writeText') {
      const [path, , options] = args as Parameters<Sys['writeText']>;
      sys.writeText(path, '', options);
    }
    // A dead process makes no more calls, so the cleanup after an exception does not run either.
    throw new Killed();
  });
  const bury = () => {
    for (const fd of files) {
      sys.close(fd);
    }
  };
  return { kernel, bury };
}

let count = 0;

/** Creates a directory in a state. */
function prepare(state: string): string {
  const dir = join(root, String(count++), 'net');
  STATES[state]!(dir);
  return dir;
}

/** Checks the invariants of a pool. */
function assertSound(dir: string): void {
  const strays = readdirSync(dir).filter((name) => !isAddressName(name) && !isOwnName(name));
  expect(strays).toEqual([]);
  const { reservations, problems } = open(dir).list();
  expect(problems.filter(({ name }) => name !== '10.1.2.4')).toEqual([]);
  const of = (id: string) => reservations.filter(({ containerID }) => containerID === id).length;
  expect(of('old')).toBe(2);
  for (const id of ['new', 'gone']) {
    expect(open(dir).del(owner(id))).toHaveLength(of(id));
  }
  expect(open(dir).add(owner('new')).ips).toHaveLength(2);
  open(dir).check(owner('new'));
  expect(open(dir).del(owner('new'))).toHaveLength(2);
  expect(open(dir).del(owner('old'))).toHaveLength(2);
  // The index must forget them too, or every process would look at them.
  const left = open(dir)
    .list()
    .reservations.map(({ containerID, ifName }) => `${containerID}:${ifName}`);
  const indexed = readdirSync(join(dir, '../.cnikit/net')).filter((name) => !name.startsWith('.'));
  expect(indexed).toEqual(left);
}

describe.each(Object.keys(STATES))('%s', (state) => {
  describe.each(Object.keys(OPERATIONS))('%s', (operation) => {
    const run = (dir: string, kernel: Sys): unknown => {
      try {
        OPERATIONS[operation]!(open(dir, kernel));
        return undefined;
      } catch (error) {
        return error;
      }
    };

    /** Returns the names of the calls that the operation makes. */
    const calls = (): string[] => {
      const names: string[] = [];
      run(
        prepare(state),
        interpose(sys, (_, name) => void names.push(name)),
      );
      return names;
    };

    test.each([false, true])('fileStore() survives a kill at any call (half-done writes: %s)', (half) => {
      const names = calls();
      expect(names.length).toBeGreaterThan(4);
      for (const [index, name] of names.entries()) {
        if (half && name !== 'writeText') {
          continue;
        }
        const dir = prepare(state);
        const { kernel, bury } = mortal(index + 1, half);
        const outcome = run(dir, kernel);
        bury();
        expect(outcome).toBeInstanceOf(Killed);
        assertSound(dir);
      }
    });

    test('fileStore() survives an error of any call, and a failed ADD reserves nothing', () => {
      for (let at = 1; ; at++) {
        const dir = prepare(state);
        let reached = false;
        const failing = interpose(sys, (index, name) => {
          if (index !== at) {
            return;
          }
          reached = true;
          if (name !== 'close') {
            throw new SysError({ syscall: name, errno: 5 });
          }
        });
        const outcome = run(dir, failing);
        if (outcome !== undefined) {
          expect(outcome).toBeInstanceOf(IpamError);
          const left = open(dir)
            .list()
            .reservations.map(({ containerID }) => containerID);
          expect(left).not.toContain('new');
        }
        assertSound(dir);
        if (!reached) {
          break;
        }
      }
    });
  });
});

test('fileStore() survives a kill during the first ADD', () => {
  for (let at = 1; ; at++) {
    const dir = join(root, `first-${at}`, 'net');
    const { kernel, bury } = mortal(at, true);
    let killed = false;
    try {
      open(dir, kernel).add(owner('new'));
    } catch (error) {
      expect(error).toBeInstanceOf(Killed);
      killed = true;
    }
    bury();
    open(dir).del(owner('new'));
    expect(open(dir).list()).toEqual({ reservations: [], problems: [] });
    expect(open(dir).add(owner('new')).ips).toHaveLength(2);
    if (!killed) {
      break;
    }
  }
});
