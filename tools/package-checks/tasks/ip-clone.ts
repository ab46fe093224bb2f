/** Clones of `ip -br addr` and `ip route` that wait for a change, compared with the output of iproute2. */
import { strictEqual } from 'node:assert';
import { execFileSync } from 'node:child_process';
import {
  type Link,
  newAddress,
  newLink,
  newRoute,
  openRtnetlink,
  type Route,
  setLink,
} from '@cnikit/netlink';
import { RTNH_F_LINKDOWN } from '@cnikit/netlink/constants';
import { monitor } from '@cnikit/netlink/monitor';

const rt = openRtnetlink();
const changes = monitor({ groups: ['link', 'ipv4-address', 'ipv6-address', 'ipv4-route'] });

function addresses(): string[] {
  const links = rt.links();
  const nameOf = (index: number) => links.find((link) => link.index === index)?.name;
  const title = ({ name, link }: Link) => (link ? `${name}@${nameOf(link) ?? `if${link}`}` : name);
  return links.map((link) => {
    const own = rt.addresses({ index: link.index }).map(({ address }) => address);
    return [title(link), String(link.operState).toUpperCase(), ...own].join(' ');
  });
}

function route({ dst, via, oif, protocol, scope, src, priority, flags }: Route): string {
  const words = [dst === '0.0.0.0/0' ? 'default' : dst.replace(/\/32$/, '')];
  words.push(...(via ? ['via', via] : []), ...(oif ? ['dev', rt.link({ index: oif })!.name] : []));
  words.push('proto', String(protocol), ...(scope === 'global' ? [] : ['scope', String(scope)]));
  words.push(...(src ? ['src', src] : []), ...(priority ? ['metric', String(priority)] : []));
  return [...words, ...(flags & RTNH_F_LINKDOWN ? ['linkdown'] : [])].join(' ');
}

const routes = () => rt.routes({ family: 'ipv4', table: 'main' }).map(route);
const ip = (...args: string[]) =>
  execFileSync('ip', args, { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
    .filter((line) => line !== '');

rt.request(newLink({ kind: 'veth', name: 'a0', peer: { name: 'a1' } }));
rt.request(setLink({ name: 'a0', addrGenMode: 'none' }));
rt.request(setLink({ name: 'a1', addrGenMode: 'none', up: true }));
rt.request(setLink({ name: 'a0', up: true }));
const { index } = rt.link({ name: 'a0' })!;
rt.request(newAddress({ index, address: '192.0.2.1/24' }));
rt.request(newRoute({ dst: 'default', via: '192.0.2.9', protocol: 'bird', priority: 5 }));
rt.request(newRoute({ dst: '198.51.100.7/32', oif: index, src: '192.0.2.1' }));

const awaited = new Set(['a0', 'a1', '198.51.100.7/32']);
for await (const change of changes) {
  if (change.type === 'link' && change.link.operState === 'up') {
    awaited.delete(change.link.name);
  } else if (change.type === 'route' && change.action === 'new') {
    awaited.delete(change.route.dst);
  }
  if (awaited.size === 0) {
    break;
  }
}
strictEqual(addresses().join('\n'), ip('-br', 'addr').join('\n'));
strictEqual(routes().join('\n'), ip('-4', 'route').join('\n'));
console.log(`${addresses().join('\n')}\n${routes().join('\n')}\nas ip prints`);
rt.close();
