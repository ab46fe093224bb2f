#!/usr/bin/env node
/**
 * Prints changes of the routing tables: `+ 192.0.2.0/24 via 10.0.0.1 dev eth0 table main`.
 *
 * Starts the monitor before it lists the routes, so that no change is lost in between.
 */
import { openRtnetlink, type Route } from '@cnikit/netlink';
import { monitor } from '@cnikit/netlink/monitor';

const changes = monitor({ groups: ['ipv4-route', 'ipv6-route'] });
const rt = openRtnetlink();

function print(sign: '+' | '-' | ' ', { dst, via, oif, table }: Route): void {
  // A deleted link has only its index.
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
    list('Too many changes; current routes:');
  } else if (change.type === 'route') {
    print(change.action === 'new' ? '+' : '-', change.route);
  }
}
