/**
 * Decides whether the runtime lost a container: its ADD succeeded, and no DEL will come. Loaded only when another pod
 * needs the container's host port or address.
 */
import { ignoreErrno, type Sys } from '@cnikit/sys';
import type { WrittenAttachment } from './cached-attachments.ts';
import { netnsOfProcesses, runtimeStartMs, seesAllProcesses } from './processes.ts';

/** A container, and the pod that needs what it holds. */
export interface LostSandboxQuery {
  containerID: string;
  /** The container's interface in the pod. */
  ifName: string | undefined;
  /** Name of the container's host end, if it follows from the attachment. */
  hostEnd: string | undefined;
  /** The runtime's records of all containers. */
  records: readonly WrittenAttachment[];
  /** CNI_ARGS of the other pod. */
  args: string;
  /** Returns true when the node has a link of that name. */
  hasLink: (name: string) => boolean;
  /**
   * The namespaces of all processes, for several queries.
   *
   * @default read from /proc
   */
  inUse?: ReadonlySet<string> | undefined;
}

/** After its ADD, a sandbox has no process until the runtime has started it. The kubelet waits 4 minutes. */
const START_MS = 5 * 60_000;

/** Folders where runtimes keep a folder for each container that they know. */
const CONTAINERS = [
  '/run/containerd/io.containerd.runtime.v2.task',
  '/run/k3s/containerd/io.containerd.runtime.v2.task',
  '/run/containers/storage',
];

/**
 * Returns why the container is lost, or undefined when it may be living or starting.
 *
 * It is lost when its link is gone, which the kernel deletes together with the namespace. A container with a link is lost
 * when its namespace has no process, the runtime has no folder for it, and it is not starting: the same pod has a new
 * sandbox, or the runtime was restarted after ADD, or ADD was more than five minutes ago.
 */
export function lostSandbox(sys: Sys, query: LostSandboxQuery): string | undefined {
  const { containerID, ifName, hostEnd, hasLink, records: all } = query;
  const own = all.filter(
    (one) => one.containerID === containerID && (ifName === undefined || one.ifName === ifName),
  );
  const listed = own.flatMap(({ hostLinks }) => hostLinks.map(({ name }) => name));
  const links = [...listed.filter((name) => name.startsWith('veth')), ...(hostEnd ? [hostEnd] : [])];
  const [first] = links;
  if (first !== undefined && !links.some(hasLink)) {
    return `its link ${first} is gone`;
  }
  if (
    own.length === 0 ||
    !isWithoutProcess(sys, own, all, query.inUse) ||
    isKnownToRuntime(sys, containerID)
  ) {
    return undefined;
  }
  const why = whyNotStarting(sys, query.args, own);
  return why && `its network namespace has no process, and ${why}`;
}

/** Returns true when no process is in the container's namespaces. False when other processes may be invisible. */
function isWithoutProcess(
  sys: Sys,
  own: readonly WrittenAttachment[],
  all: readonly WrittenAttachment[],
  inUse = netnsOfProcesses(sys),
): boolean {
  if (inUse === undefined) {
    return false;
  }
  const spaces = own.map(({ netns }) => netnsName(sys, netns));
  if (spaces.some((space) => space === undefined || inUse.has(space))) {
    return false;
  }
  // In another PID namespace than the runtime's, no pod has a visible process.
  return seesAllProcesses(sys) || all.some(({ netns }) => inUse.has(netnsName(sys, netns) ?? ''));
}

/** Returns the namespace at a path as /proc shows it: `net:[4026532000]`. Undefined when there is none. */
function netnsName(sys: Sys, path: string): string | undefined {
  const status = sys.statIfExists(path);
  return status?.dev === sys.stat('/proc/self/ns/net').dev ? `net:[${status.ino}]` : undefined;
}

function isKnownToRuntime(sys: Sys, containerID: string): boolean {
  return CONTAINERS.some((dir) => {
    const groups = ignoreErrno(['ENOENT', 'ENOTDIR'], () => sys.readdir(dir)) ?? [];
    return groups.some((group) => sys.statIfExists(`${dir}/${group}/${containerID}`) !== undefined);
  });
}

function whyNotStarting(sys: Sys, args: string, own: readonly WrittenAttachment[]): string | undefined {
  if (own.some((one) => isSamePod(one.args, args))) {
    return 'its pod has a new sandbox';
  }
  const written = Math.max(...own.map(({ writtenMs }) => writtenMs));
  const started = runtimeStartMs(sys);
  if (started !== undefined && started > written) {
    return 'the runtime was restarted after its ADD';
  }
  const age = sys.realtimeMs() - written;
  return age > START_MS ? `its ADD was ${Math.floor(age / 60_000)} minutes ago` : undefined;
}

/** Compares the pods in two values of CNI_ARGS. A pod has at most one sandbox at a time. */
function isSamePod(a: string, b: string): boolean {
  const sameValue = (key: string) => {
    const value = argument(a, key);
    return value !== undefined && value === argument(b, key);
  };
  return sameValue('K8S_POD_UID') || (sameValue('K8S_POD_NAMESPACE') && sameValue('K8S_POD_NAME'));
}

/** Returns true when two values of CNI_ARGS name the same pod, not only one of the same name. */
export function isSameUid(a: string, b: string): boolean {
  const uid = argument(a, 'K8S_POD_UID');
  return uid !== undefined && uid === argument(b, 'K8S_POD_UID');
}

/** Returns a value of CNI_ARGS, or undefined when it is absent or empty. */
export function argument(args: string, key: string): string | undefined {
  const pair = args.split(';').find((one) => one.startsWith(`${key}=`));
  return pair?.slice(key.length + 1) || undefined;
}
