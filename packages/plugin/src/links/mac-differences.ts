import type { Result } from '@cnikit/cni-spec';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';

/**
 * Lists the links of the node whose MAC address differs from the one in the result. A pod sends to the address of its
 * gateway that it knows, and the bridge to the one of the pod's port. Missing links are not listed.
 */
export function macDifferences(host: RtnetlinkCore, { interfaces = [] }: Result): string[] {
  return interfaces.flatMap(({ name, mac, sandbox }) => {
    const now = !mac || sandbox ? undefined : host.link({ name })?.mac;
    return now === undefined || now === mac?.toLowerCase()
      ? []
      : [`interface ${name} has MAC address ${now}, not ${mac}`];
  });
}
