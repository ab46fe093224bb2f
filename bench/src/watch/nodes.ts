const CONDITIONS = ['NetworkUnavailable', 'MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'] as const;

/**
 * Returns a Node of the usual size in clouds (10 kB) with its keys in kube-apiserver's order. Most of it is images,
 * annotations and managedFields.
 */
export function nodeObject(at: number) {
  const name = `ip-10-${(at >> 8) & 255}-${at & 255}-17.eu-central-1.compute.internal`;
  const ip = `10.${16 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
  const now = '2026-01-01T00:00:00Z';
  const numbered = <T>(length: number, make: (n: number) => T): T[] =>
    Array.from({ length }, (_, n) => make(n));
  return {
    metadata: {
      name,
      labels: Object.fromEntries(
        numbered(20, (n) => [`node.kubernetes.io/label-${n}`, `value-${(at + n) % 7}-of-this-label`]),
      ),
      annotations: Object.fromEntries(
        numbered(6, (n) => [`example.com/annotation-${n}`, `{"some":"json of node ${at}"}`.repeat(4)]),
      ),
      managedFields: [
        {
          manager: 'kubelet',
          operation: 'Update',
          apiVersion: 'v1',
          time: now,
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:status': {
              'f:conditions': Object.fromEntries(
                CONDITIONS.map((type) => [
                  `k:{"type":"${type}"}`,
                  { 'f:lastHeartbeatTime': {}, 'f:lastTransitionTime': {}, 'f:message': {}, 'f:reason': {} },
                ]),
              ),
              'f:images': {},
            },
          },
          subresource: 'status',
        },
      ],
    },
    spec: {
      podCIDR: `10.${128 + (at >> 8)}.${at & 255}.0/24`,
      podCIDRs: [`10.${128 + (at >> 8)}.${at & 255}.0/24`, `fd00:10:${at.toString(16)}::/64`],
      providerID: `aws:///eu-central-1a/i-${at.toString(16).padStart(17, '0')}`,
    },
    status: {
      capacity: { cpu: '16', memory: '65536000Ki', pods: '110', 'ephemeral-storage': '104845292Ki' },
      conditions: CONDITIONS.map((type) => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
        reason: `KubeletHas${type}`,
        message: 'kubelet has what it takes and reports so every now and then',
      })),
      addresses: [
        { type: 'InternalIP', address: ip },
        { type: 'Hostname', address: name },
      ],
      nodeInfo: {
        kernelVersion: '6.1.0',
        kubeletVersion: 'v1.33.0',
        containerRuntimeVersion: 'containerd://2.0.0',
      },
      images: numbered(28, (n) => ({
        names: [
          `registry.example.com/team-${n % 5}/some-service-name-${n}@sha256:${n.toString(16).padStart(64, 'a')}`,
          `registry.example.com/team-${n % 5}/some-service-name-${n}:v1.${at % 10}.${n}`,
        ],
        sizeBytes: 100_000_000 + n,
      })),
    },
  };
}
