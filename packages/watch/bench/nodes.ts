/** A Node of about the size that clouds make them (10 kB): most of it is images and annotations. */
export function nodeObject(at: number) {
  const name = `ip-10-${(at >> 8) & 255}-${at & 255}-17.eu-central-1.compute.internal`;
  const ip = `10.${16 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
  const now = '2026-01-01T00:00:00Z';
  return {
    metadata: {
      name,
      labels: Object.fromEntries(
        Array.from({ length: 20 }, (_, n) => [
          `node.kubernetes.io/label-${n}`,
          `value-${(at + n) % 7}-of-this-label`,
        ]),
      ),
      annotations: Object.fromEntries(
        Array.from({ length: 8 }, (_, n) => [
          `example.com/annotation-${n}`,
          `{"some":"json of node ${at}"}`.repeat(4),
        ]),
      ),
    },
    spec: {
      podCIDR: `10.${128 + (at >> 8)}.${at & 255}.0/24`,
      podCIDRs: [`10.${128 + (at >> 8)}.${at & 255}.0/24`, `fd00:10:${at.toString(16)}::/64`],
      providerID: `aws:///eu-central-1a/i-${at.toString(16).padStart(17, '0')}`,
    },
    status: {
      addresses: [
        { type: 'InternalIP', address: ip },
        { type: 'Hostname', address: name },
      ],
      capacity: { cpu: '16', memory: '65536000Ki', pods: '110', 'ephemeral-storage': '104845292Ki' },
      conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
        reason: `KubeletHas${type}`,
        message: 'kubelet has what it takes and reports so every now and then',
      })),
      images: Array.from({ length: 30 }, (_, n) => ({
        names: [
          `registry.example.com/team-${n % 5}/some-service-name-${n}@sha256:${n.toString(16).padStart(64, 'a')}`,
          `registry.example.com/team-${n % 5}/some-service-name-${n}:v1.${at % 10}.${n}`,
        ],
        sizeBytes: 100_000_000 + n,
      })),
      nodeInfo: {
        kernelVersion: '6.1.0',
        kubeletVersion: 'v1.33.0',
        containerRuntimeVersion: 'containerd://2.0.0',
      },
    },
  };
}
