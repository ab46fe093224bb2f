/** Declares a private and a shared chain repeatedly while other children do the same. */
import process from 'node:process';
import { type Backend, openIptables } from '../src/index.ts';

const [backend, name, rounds] = process.argv.slice(2) as [Backend, string, string];
const ipt = openIptables({ family: 'ipv4', backend, env: {} });
for (let round = 1; round <= Number(rounds); round++) {
  ipt.ensure([
    {
      table: 'filter',
      chains: {
        [`OWN-${name}`]: Array.from({ length: round }, (_, i) => ['-s', `10.0.0.${i}`, '-j', 'ACCEPT']),
        SHARED: [['-i', 'lo', '-j', 'RETURN']],
      },
      jumps: [
        { from: 'FORWARD', to: `OWN-${name}`, at: { before: ['-i', 'zz', '-j', 'DROP'] } },
        { from: 'FORWARD', to: 'SHARED', at: { before: ['-i', 'zz', '-j', 'DROP'] } },
      ],
    },
  ]);
}
