/**
 * One of many processes on one directory: `node allocate-many.ts DIR PREFIX COUNT`. Reserves COUNT addresses,
 * frees every third, and prints the allocated and the remaining ones as JSON.
 */
import { sys } from '@cnikit/sys';
import { fileStore } from '../src/file-store.ts';
import { Ipam } from '../src/index.ts';

const [dir = '', prefix = '', count = '0'] = process.argv.slice(2);
const store = fileStore({ sys, dir, lockTimeoutMs: 600_000 });
const ipam = new Ipam({ rangeSets: [[{ subnet: '10.64.0.0/16' }]], store });
const held: [string, string][] = [];
for (let i = 0; i < Number(count); i++) {
  const containerID = `${prefix}-${i}`;
  const [ip] = ipam.add({ containerID, ifName: 'eth0' }).ips;
  const address = ip!.address.split('/')[0]!;
  if (i % 3 !== 2) {
    held.push([containerID, address]);
    continue;
  }
  const freed = ipam.del({ containerID, ifName: 'eth0' });
  if (freed.join() !== address) {
    throw new Error(`${containerID} was given ${address} and freed ${freed.join()}`);
  }
}
console.log(JSON.stringify(held));
