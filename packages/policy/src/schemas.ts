import { parseAddress } from '@cnikit/ip';
import * as z from 'zod';
import { isStrictlyWithin, MAX_PORT, MAX_PORT_NAME, PORT_NAME, parseBlock } from './spec-checks.ts';

const labels = z.record(z.string(), z.string());
const portNumber = z.int().min(1).max(MAX_PORT);
const protocol = z.enum(['TCP', 'UDP', 'SCTP']);

const expression = z
  .strictObject({
    key: z.string().min(1),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(z.string()).optional(),
  })
  .check(({ value, issues }) => {
    const needsValues = value.operator === 'In' || value.operator === 'NotIn';
    if (needsValues !== (value.values ?? []).length > 0) {
      const message = `expected ${needsValues ? 'at least one value' : 'no value'} for operator ${value.operator}`;
      issues.push({ code: 'custom', message, path: ['values'], input: value.values });
    }
  });

const selector = z.strictObject({
  matchLabels: labels.optional(),
  matchExpressions: z.array(expression).optional(),
});

const ipBlock = z
  .strictObject({ cidr: z.string(), except: z.array(z.string()).optional() })
  .check(({ value, issues }) => {
    const block = parseBlock(value.cidr);
    if (!block) {
      const message = `expected a prefix such as 10.0.0.0/8, not "${value.cidr}"`;
      issues.push({ code: 'custom', message, path: ['cidr'], input: value.cidr });
    }
    for (const [index, text] of (value.except ?? []).entries()) {
      const except = parseBlock(text);
      if (!except) {
        const message = `expected a prefix such as 10.1.0.0/16, not "${text}"`;
        issues.push({ code: 'custom', message, path: ['except', index], input: text });
      } else if (block && !isStrictlyWithin(except, block)) {
        const message = `expected a prefix within ${value.cidr} and longer, not "${text}"`;
        issues.push({ code: 'custom', message, path: ['except', index], input: text });
      }
    }
  });

const peer = z
  .strictObject({
    podSelector: selector.optional(),
    namespaceSelector: selector.optional(),
    ipBlock: ipBlock.optional(),
  })
  .check(({ value, issues }) => {
    const selects = value.podSelector !== undefined || value.namespaceSelector !== undefined;
    if (selects === (value.ipBlock !== undefined)) {
      const message = selects
        ? 'expected either ipBlock or selectors, not both'
        : 'expected ipBlock, podSelector or namespaceSelector; write {} to select everything';
      issues.push({ code: 'custom', message, path: [], input: value });
    }
  });

const policyPort = z
  .strictObject({
    protocol: protocol.optional(),
    port: z
      .union([
        portNumber,
        z
          .string()
          .max(MAX_PORT_NAME)
          .regex(PORT_NAME, 'expected a port number or the name of a container port'),
      ])
      .optional(),
    endPort: portNumber.optional(),
  })
  .check(({ value, issues }) => {
    const { port, endPort } = value;
    if (endPort === undefined) {
      return;
    }
    if (typeof port !== 'number') {
      const message = 'endPort needs a port number in port';
      issues.push({ code: 'custom', message, path: ['endPort'], input: endPort });
    } else if (endPort < port) {
      const message = `expected at least port, ${port}, not ${endPort}`;
      issues.push({ code: 'custom', message, path: ['endPort'], input: endPort });
    }
  });

const ports = z.array(policyPort).optional();
const peers = z.array(peer).optional();

const name = z.string().min(1);
const metadata = z.looseObject({ name, labels: labels.optional() });
const namespaced = metadata.extend({ namespace: name.default('default') });

const address = z.string().refine((text) => parseAddress(text) !== undefined, {
  error: ({ input }) => `"${input}" is not an IP address`,
});
const addresses = z.array(z.looseObject({ ip: address })).optional();

const container = z.looseObject({
  ports: z
    .array(
      z.looseObject({
        name: z.string().optional(),
        containerPort: portNumber,
        protocol: protocol.optional(),
      }),
    )
    .optional(),
  restartPolicy: z.string().optional(),
});

/** Spec of a Pod, or of the pod template of a workload. */
export const podSpec = z.looseObject({
  nodeName: z.string().optional(),
  hostNetwork: z.boolean().optional(),
  containers: z.array(container),
  initContainers: z.array(container).optional(),
});

/** Schemas by kind. An unknown field of a policy is an error: ignoring it could allow what it restricts. */
export const schemas = {
  Pod: z.looseObject({
    kind: z.literal('Pod'),
    metadata: namespaced.extend({ creationTimestamp: z.string().optional() }),
    spec: podSpec,
    status: z
      .looseObject({
        phase: z.string().optional(),
        podIP: address.optional(),
        podIPs: addresses,
        hostIP: address.optional(),
        hostIPs: addresses,
      })
      .optional(),
  }),
  Namespace: z.looseObject({ kind: z.literal('Namespace'), metadata }),
  Node: z.looseObject({
    kind: z.literal('Node'),
    metadata,
    status: z
      .looseObject({
        addresses: z.array(z.looseObject({ type: z.string(), address: z.string() })).optional(),
      })
      .optional(),
  }),
  NetworkPolicy: z.looseObject({
    kind: z.literal('NetworkPolicy'),
    metadata: namespaced,
    spec: z
      .strictObject({
        podSelector: selector.optional(),
        policyTypes: z.array(z.enum(['Ingress', 'Egress'])).optional(),
        ingress: z.array(z.strictObject({ from: peers, ports })).optional(),
        egress: z.array(z.strictObject({ to: peers, ports })).optional(),
      })
      .default({}),
  }),
};
