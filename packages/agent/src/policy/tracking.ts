/** The tracked connections of the node's kernel. */
import { openRtnetlink } from '@cnikit/netlink';
import { changeFlows, deleteFlows, flowsOf, openConntrack } from '@cnikit/netlink/conntrack';
import type { Tracking } from './connections.ts';

/** Opens sockets only while it works: changes are rare. */
export const kernelTracking: Tracking = {
  flowsOf(family, addresses) {
    using conntrack = openConntrack();
    return flowsOf(conntrack, family, addresses);
  },
  deleteFlows(flows) {
    if (flows.length === 0) {
      return 0;
    }
    using conntrack = openConntrack();
    return deleteFlows(conntrack, flows);
  },
  mark(flows, bit, isSet) {
    if (flows.length === 0) {
      return 0;
    }
    using conntrack = openConntrack();
    return changeFlows(conntrack, flows, { mark: isSet ? bit : 0, markMask: bit });
  },
  nodeAddresses() {
    using rt = openRtnetlink();
    return new Set(rt.addresses().map(({ address }) => address.replace(/\/.*/, '')));
  },
};
