/** What the run creates in the cluster, beside deploy/'s own objects. */

/** A pod that stays, on a given node, from the image the cluster's nodes hold. */
export function podManifest(name: string, node: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'cnikit-e2e' } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [
        { name: 'main', image: 'localhost/busybox:1', imagePullPolicy: 'Never', command: ['sleep', '3600'] },
      ],
    },
  });
}

/** A Node that nobody runs: pods are to be routed to it, and nothing says where it is. */
export function nodeWithoutAddress(name: string, podCIDR: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDR, podCIDRs: [podCIDR], unschedulable: true },
  });
}

/** A kubeconfig that holds a token and nothing more: its bearer has the role's permissions and no others. */
export function tokenKubeconfig(server: string, caData: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority-data': caData } }],
    users: [{ name: 'cnikit-agent', user: { token } }],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'cnikit-agent' } }],
    'current-context': 'e2e',
  });
}
