#!/usr/bin/env node
/**
 * Prints what changes in the routing tables: `+ 192.0.2.0/24 via 10.0.0.1 dev eth0 table 254`.
 *
 * The monitor listens before the routes are listed, so that no change falls in between.
 */
import { openRtnetlink, type Route } from '@cnikit/netlink';
import { monitor } from '@cnikit/netlink/monitor';

const changes = monitor({ groups: ['ipv4-route', 'ipv6-route'] });
const rt = openRtnetlink();

function print(sign: '+' | '-' | ' ', { dst, via, oif, table }: Route): void {
  // A link that is gone has only its number left.
  const dev = oif === undefined ? '' : ` dev ${rt.link({ index: oif })?.name ?? oif}`;
  console.log(`${sign} ${dst}${via === undefined ? '' : ` via ${via}`}${dev} table ${table}`);
}

function list(title: string): void {
  console.log(title);
  for (const route of rt.routes()) {
    print(' ', route);
  }
}

list('Routes:');
for await (const change of changes) {
  if (change.type === 'overflow') {
    list('Too many changes, these are the routes now:');
  } else if (change.type === 'route') {
    print(change.action === 'new' ? '+' : '-', change.route);
  }
}
