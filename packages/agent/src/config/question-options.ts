/** Options of `cnikit-agent policy`. */
import type { OptionSpec } from './option-spec.ts';

const QUESTION = { group: 'Policy questions', commands: ['policy'] } as const;

export const questionOptions = {
  from: {
    ...QUESTION,
    type: 'string',
    value: 'ENDPOINT',
    help: 'Source of why: a pod as NAMESPACE/NAME, or an IP address',
  },
  to: {
    ...QUESTION,
    type: 'string',
    value: 'ENDPOINT:PORT',
    help: 'Destination of why, such as shop/db:5432, shop/dns:53/UDP, [fd00::1]:443 or shop/db/ICMP. The port is that of the pod, not of a Service',
  },
  namespace: {
    ...QUESTION,
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: 'Namespace of the pods of matrix. May be repeated',
    default: [] as string[],
    defaultText: 'all',
  },
  port: {
    ...QUESTION,
    type: 'string',
    multiple: true,
    value: 'PORT',
    help: 'Port that matrix asks for, such as 53/UDP; each has its own sign. May be repeated',
    default: [] as string[],
    defaultText: "the ports of the destination's containers",
  },
  with: {
    ...QUESTION,
    type: 'string',
    multiple: true,
    value: 'ENDPOINT',
    help: 'Pod or IP address to add to matrix. May be repeated',
    default: [] as string[],
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;
