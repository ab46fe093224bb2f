/** Recognises valid policies without the schemas, which explain faults and take some MB of memory. */
import type { NetworkPolicy } from './api.ts';
import { isStrictlyWithin, MAX_PORT, MAX_PORT_NAME, PORT_NAME, parseBlock } from './spec-checks.ts';

type Json = Record<string, unknown>;
type Check = (value: unknown) => boolean;

/**
 * Returns whether a value is the spec of a NetworkPolicy that the API server would accept, and has no unknown field.
 * `readObject()` explains the faults of another one, and accepts fields that are `null`.
 */
export const isPolicySpec: (value: unknown) => value is NetworkPolicy['spec'] = objectWith({
  podSelector: (value) => isSelector(value),
  policyTypes: listOf((type) => type === 'Ingress' || type === 'Egress'),
  ingress: listOf(
    objectWith({ from: listOf((peer) => isPeer(peer)), ports: listOf((port) => isPort(port)) }),
  ),
  egress: listOf(objectWith({ to: listOf((peer) => isPeer(peer)), ports: listOf((port) => isPort(port)) })),
}) as (value: unknown) => value is NetworkPolicy['spec'];

const isText: Check = (value) => typeof value === 'string';
const isLabels: Check = (value) => isObject(value) && Object.values(value).every(isText);
const isNumber: Check = (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_PORT;
const isProtocol: Check = (value) => value === 'TCP' || value === 'UDP' || value === 'SCTP';
const isPortName: Check = (value) =>
  typeof value === 'string' && value.length <= MAX_PORT_NAME && PORT_NAME.test(value);

const isSelector = objectWith({
  matchLabels: isLabels,
  matchExpressions: listOf(
    objectWith(
      {
        key: (value) => typeof value === 'string' && value !== '',
        operator: (value) => ['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(value as string),
        values: listOf(isText),
      },
      ({ key, operator, values }) =>
        key !== undefined &&
        operator !== undefined &&
        (operator === 'In' || operator === 'NotIn') === ((values ?? []) as unknown[]).length > 0,
    ),
  ),
});

const isBlock = objectWith({ cidr: isText, except: listOf(isText) }, ({ cidr, except }) => {
  const block = typeof cidr === 'string' ? parseBlock(cidr) : undefined;
  return (
    block !== undefined &&
    ((except ?? []) as string[]).every((text) => {
      const inner = parseBlock(text);
      return inner !== undefined && isStrictlyWithin(inner, block);
    })
  );
});

const isPeer = objectWith(
  { podSelector: isSelector, namespaceSelector: isSelector, ipBlock: isBlock },
  ({ podSelector, namespaceSelector, ipBlock }) =>
    (podSelector === undefined && namespaceSelector === undefined) === (ipBlock !== undefined),
);

const isPort = objectWith(
  { protocol: isProtocol, port: (value) => isNumber(value) || isPortName(value), endPort: isNumber },
  ({ port, endPort }) => endPort === undefined || (typeof port === 'number' && port <= Number(endPort)),
);

/** Returns a check of an object that has only known fields, each absent or valid. */
function objectWith(
  fields: Readonly<Record<string, Check>>,
  whole: (value: Json) => boolean = () => true,
): Check {
  return (value) => {
    if (!isObject(value)) {
      return false;
    }
    for (const key of Object.keys(value)) {
      const field = value[key];
      if (!Object.hasOwn(fields, key) || (field !== undefined && !fields[key]!(field))) {
        return false;
      }
    }
    return whole(value);
  };
}

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
