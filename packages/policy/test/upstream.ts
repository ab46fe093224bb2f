/**
 * The cases of Kubernetes' own NetworkPolicy tests (test/e2e/network/netpol/network_policy.go) as data: three
 * namespaces with three pods each, the policies, and what they must deny. Numbers follow the order of that file.
 */
import type { EgressRule, IngressRule, LabelSelector, NetworkPolicy, Peer, Pod } from '../src/index.ts';

export interface Question {
  from: string;
  to: string;
  protocol: 'TCP' | 'UDP' | 'SCTP';
  port: number;
}

export interface UpstreamCase {
  title: string;
  policies: NetworkPolicy[];
  /** Labels in addition to `pod: NAME` and the name of the namespace. */
  podLabels?: Record<string, Record<string, string>>;
  namespaceLabels?: Record<string, Record<string, string>>;
  denies: (question: Question) => boolean;
}

const NAMESPACES = ['x', 'y', 'z'];
const NAMES = ['a', 'b', 'c'];
export const PODS = NAMESPACES.flatMap((namespace) => NAMES.map((name) => `${namespace}/${name}`));

/** Addresses of a pod, such as `10.0.0.1` and `fd00::1` for `x/a`. */
export function addressesOf(pod: string): { ipv4: string; ipv6: string } {
  const number = PODS.indexOf(pod) + 1;
  return { ipv4: `10.0.0.${number}`, ipv6: `fd00::${number}` };
}

/** Returns the objects of a case, all pods on node `n1`. */
export function objectsOf({ policies, podLabels = {}, namespaceLabels = {} }: UpstreamCase): unknown[] {
  return [
    ...NAMESPACES.map((name) => ({ kind: 'Namespace', metadata: { name, labels: namespaceLabels[name] } })),
    ...PODS.map((pod) => podObject(pod, podLabels[pod] ?? {})),
    ...policies,
  ];
}

function podObject(pod: string, labels: Record<string, string>): Pod {
  const [namespace = '', name = ''] = pod.split('/');
  const ports = [80, 81].flatMap((port) =>
    (['TCP', 'UDP', 'SCTP'] as const).map((protocol) => ({
      name: `serve-${port}-${protocol.toLowerCase()}`,
      containerPort: port,
      protocol,
    })),
  );
  return {
    kind: 'Pod',
    metadata: { namespace, name, labels: { pod: name, ...labels } },
    spec: {
      nodeName: 'n1',
      containers: [{ ports: [...ports, { name: 'web', containerPort: name === 'a' ? 80 : 81 }] }],
    },
    status: { phase: 'Running', podIPs: Object.values(addressesOf(pod)).map((ip) => ({ ip })) },
  };
}

const pod = (name: string): LabelSelector => ({ matchLabels: { pod: name } });
const namespaces = (...names: string[]): LabelSelector => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: names }],
});
const from = (...peers: Peer[]): IngressRule[] => [{ from: peers }];

/** A policy of namespace x, for pod a unless a selector is given. */
function policy(spec: NetworkPolicy['spec'], name = 'policy', namespace = 'x'): NetworkPolicy {
  return { kind: 'NetworkPolicy', metadata: { namespace, name }, spec: { podSelector: pod('a'), ...spec } };
}
const ingress = (rules: IngressRule[], name?: string) =>
  policy({ policyTypes: ['Ingress'], ingress: rules }, name);
const egress = (rules: EgressRule[], name?: string) =>
  policy({ policyTypes: ['Egress'], egress: rules }, name);

/** Denies what reaches x/a from other sources than these. */
const onlyFrom =
  (...sources: string[]) =>
  ({ from, to }: Question) =>
    to === 'x/a' && !sources.some((source) => from.startsWith(source));
const within = (namespace: string) => (at: string) => at.startsWith(`${namespace}/`);
const inX = within('x');
const inY = within('y');

export const UPSTREAM: UpstreamCase[] = [
  {
    title: '1 denies all ingress of a namespace',
    policies: [policy({ podSelector: {}, policyTypes: ['Ingress'] })],
    denies: ({ to }) => inX(to),
  },
  {
    title: '2 denies all ingress and egress of a namespace',
    policies: [policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })],
    denies: ({ from, to }) => inX(from) || inX(to),
  },
  {
    title: '3 allows ingress from pods of the same namespace by podSelector',
    policies: [ingress(from({ podSelector: pod('b') }))],
    denies: onlyFrom('x/b'),
  },
  {
    title: '4 allows ingress of one target only',
    policies: [ingress(from({ namespaceSelector: {} }))],
    denies: () => false,
  },
  {
    title: '5 allows ingress from all namespaces to a namespace',
    policies: [
      policy({ podSelector: {}, policyTypes: ['Ingress'], ingress: from({ namespaceSelector: {} }) }),
    ],
    denies: () => false,
  },
  {
    title: '6 allows ingress by namespaceSelector',
    policies: [ingress(from({ namespaceSelector: { matchLabels: { team: 'y' } } }))],
    namespaceLabels: { y: { team: 'y' } },
    denies: onlyFrom('y/'),
  },
  {
    title: '7 allows ingress by matchExpressions of a podSelector',
    policies: [
      ingress(
        from({
          podSelector: { matchExpressions: [{ key: 'pod', operator: 'In', values: ['b', 'nobody'] }] },
        }),
      ),
    ],
    denies: onlyFrom('x/b'),
  },
  {
    title: '8 allows ingress by matchExpressions of a namespaceSelector',
    policies: [ingress(from({ namespaceSelector: namespaces('y', 'nowhere') }))],
    denies: onlyFrom('y/'),
  },
  {
    title: '9 allows ingress from a podSelector or a namespaceSelector',
    policies: [ingress(from({ podSelector: pod('b') }, { namespaceSelector: namespaces('y') }))],
    denies: onlyFrom('x/b', 'y/'),
  },
  {
    title: '10 allows ingress from a podSelector and a namespaceSelector together',
    policies: [ingress(from({ podSelector: pod('b'), namespaceSelector: namespaces('y', 'z') }))],
    denies: onlyFrom('y/b', 'z/b'),
  },
  {
    title: '11 allows ingress from several pods of several namespaces',
    policies: [
      ingress(
        from({
          podSelector: { matchExpressions: [{ key: 'pod', operator: 'In', values: ['b', 'c'] }] },
          namespaceSelector: {
            matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['x'] }],
          },
        }),
      ),
    ],
    denies: onlyFrom('y/b', 'y/c', 'z/b', 'z/c'),
  },
  {
    title: '12 allows ingress from any of several podSelectors',
    policies: [ingress(from({ podSelector: pod('b') }, { podSelector: pod('c') }))],
    denies: onlyFrom('x/b', 'x/c'),
  },
  {
    title: '13 allows ingress from one pod of another namespace',
    policies: [ingress(from({ podSelector: pod('a'), namespaceSelector: namespaces('y') }))],
    denies: onlyFrom('y/a'),
  },
  {
    title: '14 allows ingress to one port from one namespace',
    policies: [ingress([{ from: [{ namespaceSelector: namespaces('y') }], ports: [{ port: 81 }] }])],
    denies: ({ from, to, protocol, port }) =>
      to === 'x/a' && !(inY(from) && protocol === 'TCP' && port === 81),
  },
  {
    title: '15 adds up policies of one pod',
    policies: [
      ingress([{ from: [{ namespaceSelector: namespaces('y') }], ports: [{ port: 81 }] }], 'first'),
      ingress([{ from: [{ namespaceSelector: namespaces('y') }], ports: [{ port: 80 }] }], 'second'),
    ],
    denies: ({ from, to, protocol }) => to === 'x/a' && !(inY(from) && protocol === 'TCP'),
  },
  {
    title: '16 allows everything by a rule without sources',
    policies: [ingress([{}])],
    denies: () => false,
  },
  {
    title: '17 allows ingress to a named port',
    policies: [ingress([{ ports: [{ port: 'serve-81-tcp' }] }])],
    denies: ({ to, protocol, port }) => to === 'x/a' && !(protocol === 'TCP' && port === 81),
  },
  {
    title: '18 allows ingress to a named port from one namespace',
    policies: [
      ingress([{ from: [{ namespaceSelector: namespaces('y') }], ports: [{ port: 'serve-80-tcp' }] }]),
    ],
    denies: ({ from, to, protocol, port }) =>
      to === 'x/a' && !(inY(from) && protocol === 'TCP' && port === 80),
  },
  {
    title: '19 allows egress to a named port',
    policies: [egress([{ ports: [{ port: 'serve-80-tcp' }] }])],
    denies: ({ from, protocol, port }) => from === 'x/a' && !(protocol === 'TCP' && port === 80),
  },
  {
    title: '20 denies by the version of a policy after its update',
    policies: [ingress([{ ports: [{ port: 81 }] }])],
    denies: ({ to, protocol, port }) => to === 'x/a' && !(protocol === 'TCP' && port === 81),
  },
  {
    title: '21 allows ingress from a namespace with a new label',
    policies: [ingress(from({ namespaceSelector: { matchLabels: { ns: 'updated' } } }))],
    namespaceLabels: { y: { ns: 'updated' } },
    denies: onlyFrom('y/'),
  },
  {
    title: '22 allows ingress from a pod with a new label',
    policies: [ingress(from({ podSelector: { matchLabels: { updated: 'yes' } } }))],
    podLabels: { 'x/b': { updated: 'yes' } },
    denies: onlyFrom('x/b'),
  },
  {
    title: '23 denies ingress from other namespaces',
    policies: [policy({ podSelector: {}, policyTypes: ['Ingress'], ingress: from({ podSelector: {} }) })],
    denies: ({ from, to }) => inX(to) && !inX(from),
  },
  {
    title: '24 denies ingress to a pod with a new label',
    policies: [policy({ podSelector: { matchLabels: { target: 'isolated' } }, policyTypes: ['Ingress'] })],
    podLabels: { 'x/a': { target: 'isolated' } },
    denies: ({ to }) => to === 'x/a',
  },
  {
    title: '25 denies egress of one pod by podSelector',
    policies: [egress([])],
    denies: ({ from }) => from === 'x/a',
  },
  {
    title: '26 denies egress of a namespace',
    policies: [policy({ podSelector: {}, policyTypes: ['Egress'] })],
    denies: ({ from }) => inX(from),
  },
  {
    title: '27 applies ingress and egress of one policy together',
    policies: [
      policy({
        policyTypes: ['Ingress', 'Egress'],
        ingress: from({ namespaceSelector: namespaces('y') }),
        egress: [{ to: [{ namespaceSelector: namespaces('z') }] }],
      }),
    ],
    denies: ({ from, to }) => (to === 'x/a' && !inY(from)) || (from === 'x/a' && !within('z')(to)),
  },
  {
    title: '28 denies egress to a pod whose ingress allows it',
    policies: [
      egress([{ to: [{ namespaceSelector: namespaces('y'), podSelector: pod('a') }] }], 'out'),
      policy({ policyTypes: ['Ingress'], ingress: from({ namespaceSelector: namespaces('x') }) }, 'in', 'y'),
    ],
    denies: ({ from, to }) => (from === 'x/a' && to !== 'y/a') || (to === 'y/a' && !inX(from)),
  },
  {
    title: '29 allows egress to a pod of another namespace',
    policies: [egress([{ to: [{ podSelector: pod('b'), namespaceSelector: namespaces('y') }] }])],
    denies: ({ from, to }) => from === 'x/a' && to !== 'y/b',
  },
  {
    title: '30 allows every port of a protocol',
    policies: [ingress([{ ports: [{ protocol: 'TCP' }] }])],
    denies: ({ to, protocol }) => to === 'x/a' && protocol !== 'TCP',
  },
  {
    title: '31 allows ingress by a second policy that allows all',
    policies: [ingress([], 'deny'), ingress([{}], 'allow')],
    denies: () => false,
  },
  {
    title: '32 allows egress by a second policy that allows all',
    policies: [egress([], 'deny'), egress([{}], 'allow')],
    denies: () => false,
  },
  { title: '33 denies nothing after the policies are deleted', policies: [], denies: () => false },
  {
    title: '34 allows egress to a CIDR',
    policies: [
      egress([{ to: [{ ipBlock: { cidr: '10.0.0.4/32' } }, { ipBlock: { cidr: 'fd00::4/128' } }] }]),
    ],
    denies: ({ from, to }) => from === 'x/a' && to !== 'y/a',
  },
  {
    title: '35 denies the exception of a CIDR',
    policies: [
      egress([
        {
          to: [
            { ipBlock: { cidr: '10.0.0.0/24', except: ['10.0.0.4/32'] } },
            { ipBlock: { cidr: 'fd00::/64', except: ['fd00::4/128'] } },
          ],
        },
      ]),
    ],
    denies: ({ from, to }) => from === 'x/a' && to === 'y/a',
  },
  {
    title: '36 allows the exception of a CIDR by another CIDR',
    policies: [
      egress([
        {
          to: [
            { ipBlock: { cidr: '10.0.0.0/24', except: ['10.0.0.4/32'] } },
            { ipBlock: { cidr: 'fd00::/64', except: ['fd00::4/128'] } },
          ],
        },
      ]),
      egress(
        [{ to: [{ ipBlock: { cidr: '10.0.0.4/32' } }, { ipBlock: { cidr: 'fd00::4/128' } }] }],
        'second',
      ),
    ],
    denies: () => false,
  },
  {
    title: '37 applies policies of one direction to that direction only',
    policies: [ingress([], 'in'), egress([{}], 'out')],
    denies: ({ to }) => to === 'x/a',
  },
  {
    title: '38 does not take a rule of SCTP for TCP',
    policies: [ingress([{ ports: [{ protocol: 'SCTP', port: 80 }] }])],
    denies: ({ to, protocol, port }) => to === 'x/a' && !(protocol === 'SCTP' && port === 80),
  },
  {
    title: '39 isolates a pod by a policy of SCTP alone',
    policies: [ingress([{ ports: [{ protocol: 'SCTP', port: 79 }] }])],
    denies: ({ to }) => to === 'x/a',
  },
  {
    title: '40 does not take a rule of UDP for TCP',
    policies: [ingress([{ ports: [{ protocol: 'UDP', port: 80 }] }])],
    denies: ({ to, protocol, port }) => to === 'x/a' && !(protocol === 'UDP' && port === 80),
  },
  {
    title: '41 allows ingress by the name label of a namespace',
    policies: [ingress(from({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'y' } } }))],
    denies: onlyFrom('y/'),
  },
  {
    title: '42 allows ingress from namespaces without a name label',
    policies: [
      ingress(
        from({
          namespaceSelector: {
            matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['x'] }],
          },
        }),
      ),
    ],
    denies: onlyFrom('y/', 'z/'),
  },
  ...(['UDP', 'SCTP'] as const).flatMap((protocol, index): UpstreamCase[] => [
    {
      title: `${43 + 3 * index} denies ingress of ${protocol}`,
      policies: [policy({ podSelector: {}, policyTypes: ['Ingress'] })],
      denies: ({ to }) => inX(to),
    },
    {
      title: `${44 + 3 * index} allows ingress to one port of ${protocol}`,
      policies: [
        ingress([{ from: [{ namespaceSelector: namespaces('y') }], ports: [{ protocol, port: 81 }] }]),
      ],
      denies: (question) =>
        question.to === 'x/a' &&
        !(inY(question.from) && question.protocol === protocol && question.port === 81),
    },
    {
      title: `${45 + 3 * index} allows ingress of ${protocol} from one namespace`,
      policies: [ingress([{ from: [{ namespaceSelector: namespaces('y') }], ports: [{ protocol }] }])],
      denies: (question) => question.to === 'x/a' && !(inY(question.from) && question.protocol === protocol),
    },
  ]),
];
