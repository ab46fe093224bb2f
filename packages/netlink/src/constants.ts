/**
 * Numbers of rtnetlink and traffic control, named as in the kernel's headers.
 *
 * ```ts
 * import { openRtnetlink } from '@cnikit/netlink';
 * import { RTPROT_KERNEL } from '@cnikit/netlink/constants';
 *
 * const rt = openRtnetlink();
 * console.log(rt.routes({ protocol: RTPROT_KERNEL }).length);
 * rt.close();
 * ```
 *
 * @module
 */
export * from './route/constants.ts';
/** The names that decoded values and specs have instead of these numbers. */
export * as names from './route/names.ts';
export {
  ETH_P_ALL,
  TC_H_CLSACT_EGRESS,
  TC_H_CLSACT_INGRESS,
  TC_H_INGRESS,
  TC_H_INGRESS_QDISC,
  TC_H_ROOT,
} from './tc/tc-message.ts';
