import { afterEach, expect, test, vi } from 'vitest';
import { describedNodes, logOperatorView } from './operator-view.ts';

afterEach(() => void vi.restoreAllMocks());

const DESCRIPTION = `Name:               n1
Labels:             a=b
Taints:             node.kubernetes.io/not-ready:NoExecute
Unschedulable:      false
Conditions:
  Type    Status
  Ready   False
Addresses:
  InternalIP:  172.30.0.11
Events:
  Type     Reason
  Warning  RouteMissing
`;

test('describedNodes() keeps name, taints, conditions and events of a node', () => {
  expect(describedNodes(DESCRIPTION).split(/\n+/)).toEqual([
    'Name:               n1',
    'Taints:             node.kubernetes.io/not-ready:NoExecute',
    'Unschedulable:      false',
    'Conditions:',
    '  Type    Status',
    '  Ready   False',
    'Events:',
    '  Type     Reason',
    '  Warning  RouteMissing',
    '',
  ]);
});

test('logOperatorView() prints the error of kubectl when the API server is down', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const kubectl = () => {
    throw new Error('connection refused');
  };
  const cluster = {
    kubectl,
    kubectlAsync: async () => '',
    apply: () => undefined,
    podImage: 'busybox',
    minor: 37,
  };
  logOperatorView(cluster, 'during the outage');
  expect(log.mock.calls[0]?.[0]).toMatch(/^ {6}\| during the outage:\n {6}\| connection refused\n/);
});
