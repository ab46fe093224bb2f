/** A bridge with a trunk and an access port. Prints the VLANs of each, then removes all. */
import { addBridgeVlans, delLink, NetlinkError, newLink, openRtnetlink } from '@cnikit/netlink';

const rt = openRtnetlink();
try {
  rt.request(newLink({ kind: 'bridge', name: 'br7', vlanFiltering: true, up: true }));
} catch (error) {
  if (!(error instanceof NetlinkError) || error.code !== 'EOPNOTSUPP') {
    throw error;
  }
  console.log('This kernel has no VLAN filtering');
  process.exit();
}
const master = rt.link({ name: 'br7' })!.index;
rt.request(newLink({ kind: 'veth', name: 'trunk0', master, up: true, peer: { name: 'trunk1' } }));
rt.request(newLink({ kind: 'veth', name: 'access0', master, up: true, peer: { name: 'access1' } }));
const index = (name: string) => rt.link({ name })!.index;
rt.request(addBridgeVlans({ index: index('trunk0'), vlans: [{ vid: 10, last: 19 }] }));
rt.request(addBridgeVlans({ index: index('access0'), vlans: [{ vid: 10, pvid: true, untagged: true }] }));
for (const { name, vlans } of rt.bridgeVlans()) {
  const text = vlans.map(({ vid, last, pvid }) => `${vid}${last ? `-${last}` : ''}${pvid ? ' pvid' : ''}`);
  console.log(`VLANs of ${name}: ${text.join(', ')}`);
}
rt.request(delLink({ name: 'br7' }));
rt.request(delLink({ name: 'trunk0' }));
rt.request(delLink({ name: 'access0' }));
rt.close();
