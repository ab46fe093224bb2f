/** Ensures iptables rules in this process, then in a new one, which must write nothing. */
import { execFileSync } from 'node:child_process';
import { openIptables } from '@cnikit/iptables';

const ipt = openIptables({ family: 'ipv4', prefix: 'SHOP-', env: process.env });
const { changed, diff } = ipt.ensure([
  {
    table: 'filter',
    chains: {
      'SHOP-IN': [
        { protocol: 'tcp', destinationPort: 80, jump: 'ACCEPT' },
        ['-p', 'icmp', '-m', 'icmp', '--icmp-type', 'host-prohibited', '-j', 'DROP'],
        ['-p', 'tcp', '-m', 'tcp', '--dport', 'http', '-j', 'REJECT', '--reject-with', 'tcp-reset'],
      ],
    },
    jumps: [{ from: 'INPUT', to: 'SHOP-IN', at: 'first' }],
  },
]);
if (process.argv[2] === 'second') {
  console.log(changed ? diff.join('\n') : 'nothing to write');
} else {
  console.log(execFileSync(process.execPath, [import.meta.filename, 'second'], { encoding: 'utf8' }));
}
