/** A pod that the plugin attached on this node, as ADD reported it. */
export interface LocalPod {
  namespace: string;
  name: string;
  /** Absent where the runtime does not pass K8S_POD_UID. */
  uid?: string | undefined;
  containerId: string;
  /** Addresses without prefix length. */
  addresses: readonly string[];
  /** Names of its host ends if its namespace may send from other source addresses. */
  foreignEnds?: readonly string[] | undefined;
}

/** Pods of this node as the plugin reports them. Their addresses hold before status.podIPs, and after it. */
export interface LocalPods {
  /** Resolves once rules for the pod are in the kernel, also when none isolates it. Rejects with the reason when they are not. */
  claim(pod: LocalPod): Promise<void>;
  /** Removes the addresses of the pod from the kernel: from then on they are closed. Resolves once it is done. */
  release(containerId: string): Promise<void>;
}
