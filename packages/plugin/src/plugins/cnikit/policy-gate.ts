/**
 * Reports pods to the agent, which enforces network policy. Loaded only when the configuration has `policy`.
 *
 * The kernel drops packets of addresses that the agent has not programmed, so without an answer a pod is closed and the
 * verb succeeds.
 */
import type { Context, Result } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { withoutLength } from '../../lib/prefix.ts';
import type { AgentSettings } from './agent-settings.ts';
import { exchangeLine } from './exchange-line.ts';

/** A request to the agent, and the consequence of a failure. */
interface Report {
  request: object;
  consequence: string;
}

/**
 * Reports the pod of ADD, that of DEL, or the pods that GC keeps, and waits for the answer: after ADD the pod's rules are in
 * the kernel. Never throws, because no verb may depend on the agent.
 *
 * @param result result of ADD
 * @returns false when the agent did not confirm
 */
export function reportPods(sys: Sys, context: Context<AgentSettings>, result?: Result): boolean {
  const { policySocket } = context.conf;
  const report = result === undefined ? removal(context) : claim(context, result);
  if (report === undefined) {
    return true;
  }
  try {
    exchangeLine(sys, policySocket, report.request);
    return true;
  } catch (error) {
    try {
      sys.writeFdText(2, `${report.consequence}: agent at ${policySocket}: ${(error as Error).message}\n`);
    } catch {
      // Standard error is closed.
    }
    return false;
  } finally {
    context.mark?.('policy');
  }
}

/** Returns undefined for a container that is not a pod of Kubernetes, or has no address. */
function claim(
  { containerID, ifName, conf, args }: Context<AgentSettings>,
  result: Result,
): Report | undefined {
  const { K8S_POD_NAMESPACE: namespace, K8S_POD_NAME: name, K8S_POD_UID: uid } = args;
  const addresses = addressesOf(result, ifName);
  if (!namespace || !name || addresses.length === 0) {
    return undefined;
  }
  const pod = { namespace, name, uid: uid || undefined };
  return {
    request: { op: 'add', network: conf.network, containerId: containerID, ifName, ...pod, addresses },
    consequence: `Pod ${namespace}/${name} has no network until its policies are enforced`,
  };
}

/** Returns undefined when GC has no list. */
function removal({
  command,
  containerID,
  ifName,
  conf,
  validAttachments,
}: Context<AgentSettings>): Report | undefined {
  const { network } = conf;
  if (command !== 'GC') {
    return {
      request: { op: 'del', network, containerId: containerID, ifName },
      consequence: `Removing container ${containerID} from network policy without the agent`,
    };
  }
  const keep = validAttachments?.map((one) => ({ containerId: one.containerID, ifName: one.ifname }));
  return (
    keep && {
      request: { op: 'gc', network, keep },
      consequence: 'Removing deleted pods from network policy without the agent',
    }
  );
}

/** Returns the addresses of the pod's interface. A previous plugin of the list may have added others. */
function addressesOf({ ips = [], interfaces = [] }: Result, ifName: string): string[] {
  const own = interfaces.findIndex(({ name, sandbox }) => name === ifName && sandbox);
  return ips.filter((ip) => ip.interface === own).map(({ address }) => withoutLength(address));
}
