/** Ends attachments that the runtime lost. Loaded only when another pod requests the address of one. */
import { type Context, delegate } from '@cnikit/cni-spec';
import { openRtnetlink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { delegateIo } from '../ipam/delegated-ipam.ts';
import type { NetworkSettings, Reservation } from '../ipam/pod-ipam.ts';
import { type CachedAttachment, cachedAttachments } from '../records/cached-attachments.ts';
import { argument, lostSandbox } from '../records/lost-sandbox.ts';

/** Interface of pods; reservations by host-local before 2018 have none. */
const DEFAULT_IFNAME = 'eth0';

/**
 * Runs DEL of every plugin for the owner of an address when the runtime lost it. DEL also removes the link, which would
 * still answer for the address, and rules of the address. An owner without a record is never lost: only its record
 * names the links that another program made.
 *
 * @returns name of the owner when it may be living; undefined when the address is free
 */
export function endIfLost(
  sys: Sys,
  context: Context<NetworkSettings>,
  { containerID, address, ifName = '' }: Reservation,
): string | undefined {
  const all = cachedAttachments(sys);
  const own = all.find(
    (one) =>
      one.network === context.conf.network &&
      one.containerID === containerID &&
      one.ifName === (ifName || DEFAULT_IFNAME),
  );
  if (own === undefined || containerID === context.containerID) {
    return `container ${containerID}`;
  }
  const name = describe(own);
  const host = openRtnetlink({ sys });
  try {
    const reason = lostSandbox(sys, {
      containerID,
      ifName: own.ifName,
      hostEnd: undefined,
      records: all,
      args: context.env.CNI_ARGS ?? '',
      hasLink: (link) => host.link({ name: link }) !== undefined,
    });
    if (reason === undefined) {
      return name;
    }
    end(sys, context, own);
    sys.writeFdText(2, `Took address ${address} from ${name}: ${reason}\n`);
    return undefined;
  } catch (error) {
    return `${name}, which cannot be deleted: ${(error as Error).message}`;
  } finally {
    host.close();
  }
}

/** Runs DEL as the runtime would have. It can be repeated. */
function end(sys: Sys, context: Context<NetworkSettings>, own: CachedAttachment): void {
  const { containerID, ifName, netns, args, plugins } = own;
  const env = {
    ...context.env,
    CNI_CONTAINERID: containerID,
    CNI_IFNAME: ifName,
    CNI_NETNS: sys.statIfExists(netns) === undefined ? '' : netns,
    CNI_ARGS: args,
  };
  const io = delegateIo(sys);
  for (const { type, configuration } of [...plugins].reverse()) {
    delegate(io, { ...context, command: 'DEL', env, stdin: configuration }, type);
  }
}

function describe({ containerID, args }: CachedAttachment): string {
  const [namespace, pod] = [argument(args, 'K8S_POD_NAMESPACE'), argument(args, 'K8S_POD_NAME')];
  return namespace && pod ? `pod ${namespace}/${pod} (container ${containerID})` : `container ${containerID}`;
}
