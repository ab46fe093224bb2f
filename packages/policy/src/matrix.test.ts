import { expect, test } from 'vitest';
import { formatMatrix, matrix, readCluster } from './index.ts';

const pod = (name: string, ports: number[], ...ips: string[]) => ({
  kind: 'Pod',
  metadata: { namespace: 'ns', name, labels: { app: name } },
  spec: { containers: [{ ports: ports.map((containerPort) => ({ containerPort })) }] },
  status: { podIPs: ips.map((ip) => ({ ip })) },
});
const policy = {
  kind: 'NetworkPolicy',
  metadata: { namespace: 'ns', name: 'p' },
  spec: {
    podSelector: { matchLabels: { app: 'b' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'a' } } }], ports: [{ port: 80 }] }],
  },
};
const cluster = readCluster([pod('a', []), pod('b', [80, 81]), pod('c', [80]), policy]);

test('formatMatrix() draws every pair by the ports of the destination', () => {
  expect(formatMatrix(matrix(cluster))).toBe(
    [
      '       1 2 3', //
      'ns/a 1 - + #',
      'ns/b 2 # - #',
      'ns/c 3 # . -',
    ].join('\n'),
  );
});

test('formatMatrix() draws one sign for each service that was asked', () => {
  const services = [80, 81].map((port) => ({ protocol: 'TCP' as const, port }));
  const text = formatMatrix(matrix(cluster, { endpoints: ['ns/a', 'ns/b', '192.0.2.1'], services }), {
    perService: true,
  });
  expect(text).toBe(
    [
      '             1  2  3', //
      '     ns/a 1  - #. ##',
      '     ns/b 2 ##  - ##',
      '192.0.2.1 3 ## ..  -',
    ].join('\n'),
  );
});

test('matrix() asks nothing between pods of different families', () => {
  const families = readCluster([
    pod('a', [], '10.0.0.1'),
    pod('b', [], 'fd00::1'),
    pod('c', [], '10.0.0.2', 'fd00::2'),
  ]);
  expect(matrix(families).cells).toEqual([
    [undefined, undefined, [true]],
    [undefined, undefined, [true]],
    [[true], [true], undefined],
  ]);
});
