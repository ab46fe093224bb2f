import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sys } from '@cnikit/sys';
import { describe, expect, test } from 'vitest';
import { soakSize } from '../../../vitest.soak.ts';
import { reference, referencePath } from '../test/reference.ts';
import { scratch } from '../test/scratch.ts';
import { fileStore } from './file-store.ts';

const PROCESSES = soakSize(10, 100);
const ALLOCATIONS = soakSize(30, 100);
/** Concurrent ADDs of host-local, if it is installed. Each invalidates the index. */
const FOREIGN = 20;
/** Each takes about 50 MB; this number fits into a small CI machine. */
const AT_ONCE = 25;

const root = scratch();
const run = promisify(execFile);
const script = join(import.meta.dirname, '../test/allocate-many.ts');

async function allocate(dir: string, prefix: string): Promise<[string, string][]> {
  const argv = ['--conditions=@cnikit/source', script, dir, prefix, String(ALLOCATIONS)];
  const { stdout } = await run(process.execPath, argv);
  return JSON.parse(stdout);
}

describe('many processes on one directory', () => {
  test(`Ipam.add() in ${PROCESSES} processes x ${ALLOCATIONS} allocations: no address given twice, none lost`, {
    timeout: 600_000,
  }, async () => {
    const dir = join(root, 'net');
    const held: [string, string][] = [];
    let next = 0;
    let busy = true;
    const worker = async () => {
      while (next < PROCESSES) {
        held.push(...(await allocate(dir, `p${next++}`)));
      }
    };
    const foreigner = async () => {
      const conf = { ipam: { type: 'host-local', dataDir: root, subnet: '10.64.0.0/16' } };
      for (let i = 0; busy && referencePath !== undefined && i < FOREIGN; i++) {
        const owner = { containerID: `ref-${i}`, ifName: 'eth0' };
        const { ips } = reference('ADD', owner, conf);
        held.push([owner.containerID, ips![0]!.address.split('/')[0]!]);
        await new Promise(setImmediate);
      }
    };
    const workers = Promise.all(Array.from({ length: AT_ONCE }, worker)).finally(() => {
      busy = false;
    });
    await Promise.all([workers, foreigner()]);

    const store = fileStore({ sys, dir });
    const { reservations, problems } = store.list();
    expect(problems).toEqual([]);
    const text = (pairs: [string, string][]) => pairs.map((pair) => pair.join(' ')).sort();
    expect(text(reservations.map((r) => [r.containerID, r.address]))).toEqual(text(held));
    expect(new Set(held.map(([, address]) => address)).size).toBe(held.length);
    // The index still finds each of them.
    store.lock(() => {
      for (const [containerID, address] of held) {
        expect(store.find({ containerID, ifName: 'eth0' })).toEqual([address]);
      }
    });
  });
});
