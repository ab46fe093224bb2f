import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { IFA_F_DADFAILED, IFA_F_TENTATIVE } from '@cnikit/netlink/constants';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';

const LIMIT_MS = 10_000;
const INTERVAL_MS = 50;

/**
 * Waits until duplicate address detection (DAD) has finished for the link's IPv6 addresses.
 *
 * @throws {CniError} 999 naming an address that is a duplicate, or still tentative after ten seconds
 */
export function waitForDad(sys: Sys, route: RtnetlinkCore, index: number): void {
  const end = sys.monotonicMs() + LIMIT_MS;
  for (;;) {
    const held = route.addresses({ family: 'ipv6', index });
    const failed = held.find(({ flags }) => (flags & IFA_F_DADFAILED) !== 0);
    if (failed !== undefined) {
      throw new CniError(
        ErrorCode.Internal,
        `Address ${failed.address} is in use by another machine of the network`,
      );
    }
    const open = held.find(({ flags }) => (flags & IFA_F_TENTATIVE) !== 0);
    if (open === undefined) {
      return;
    }
    if (sys.monotonicMs() > end) {
      throw new CniError(ErrorCode.Internal, `Address ${open.address} is still tentative after 10 s`);
    }
    sys.sleepMs(INTERVAL_MS);
  }
}
