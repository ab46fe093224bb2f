/** The compared cases: the same network by cnikit in one process and by the reference plugins. */
import { executablePath } from '@cnikit/plugin';
import { AGAINST, DATA_DIR, REFERENCE } from './node.ts';

/** A compared implementation. */
export type Name = 'cnikit' | 'reference' | 'floor' | 'against';

/** A program and its configuration object. */
export interface Step {
  program: string;
  conf: object;
}

/** A contender's network: the steps that a runtime runs in this order at ADD and in reverse at DEL. */
export interface Contender {
  name: Name;
  steps: readonly Step[];
  env?: Record<string, string>;
}

/** A row of the table. */
export interface Case {
  title: string;
  contenders: readonly Contender[];
  /** Goal of the design: ADD must be this many times faster. */
  addGoal?: number;
}

const CNIKIT = executablePath();
const PORT_MAPPINGS = [{ hostPort: 18080, containerPort: 80, protocol: 'tcp' }];
/** Rate in bits per second, burst in bits. */
const BANDWIDTH = { ingressRate: 1e8, ingressBurst: 1e7, egressRate: 1e8, egressBurst: 1e7 };

/** Second byte of the next 10.x.0.0/16: each contender of each case has a separate network. */
let subnets = 20;

interface Bridged {
  ipMasq?: boolean;
  portMappings?: boolean;
  bandwidth?: boolean;
}

/** Bridge, host-local and the chained plugins of a list: one object for cnikit, one plugin each for the reference. */
function bridged(title: string, { ipMasq, portMappings, bandwidth }: Bridged, addGoal?: number): Case {
  const network = (name: Name, more: object) => {
    const net = subnets++;
    return {
      cniVersion: '1.0.0',
      name: `bench${net}`,
      type: name === 'reference' ? 'bridge' : 'cnikit',
      bridge: `bench${net}`,
      isDefaultGateway: true,
      ...(ipMasq ? { ipMasq } : {}),
      ipam: { type: 'host-local', dataDir: DATA_DIR, ranges: [[{ subnet: `10.${net}.0.0/16` }]] },
      ...more,
    };
  };
  const runtimeConfig = {
    ...(portMappings ? { portMappings: PORT_MAPPINGS } : {}),
    ...(bandwidth ? { bandwidth: BANDWIDTH } : {}),
  };
  const asked = Object.keys(runtimeConfig);
  const capabilities = Object.fromEntries(asked.map((key) => [key, true]));
  const more = asked.length > 0 ? { capabilities, runtimeConfig } : {};
  const reference = network('reference', {});
  const meta = (type: string, key: string): Step => ({
    program: `${REFERENCE}/${type}`,
    conf: { ...pick(reference), type, runtimeConfig: pickKey(runtimeConfig, key) },
  });
  return {
    title,
    addGoal,
    contenders: [
      { name: 'cnikit', steps: [{ program: CNIKIT, conf: network('cnikit', more) }] },
      ...(AGAINST === undefined
        ? []
        : [{ name: 'against' as const, steps: [{ program: AGAINST, conf: network('against', more) }] }]),
      {
        name: 'reference',
        steps: [
          { program: `${REFERENCE}/bridge`, conf: reference },
          ...(portMappings ? [meta('portmap', 'portMappings')] : []),
          ...(bandwidth ? [meta('bandwidth', 'bandwidth')] : []),
        ],
      },
    ],
  };
}

function pick({ cniVersion, name }: { cniVersion: string; name: string }): object {
  return { cniVersion, name };
}

function pickKey(from: Record<string, unknown>, key: string): object {
  return { [key]: from[key] };
}

/** Returns a case with a plugin that both provide under the same name. */
function same(title: string, type: string, conf: (net: number) => object): Case {
  const contender = (name: Name, program: string): Contender => {
    const net = subnets++;
    return {
      name,
      steps: [{ program, conf: { cniVersion: '1.0.0', name: `bench${net}`, type, ...conf(net) } }],
    };
  };
  return {
    title,
    contenders: [
      contender('cnikit', `${DATA_DIR}/bin/${type}`),
      ...(AGAINST === undefined ? [] : [contender('against', `${DATA_DIR}/against/${type}`)]),
      contender('reference', `${REFERENCE}/${type}`),
    ],
  };
}

/** Returns the C program of bench/native, with a bridge that another contender of the case has created. */
export function floor(program: string, { steps: [first] }: Contender): Contender {
  const { bridge } = (first as Step).conf as { bridge: string };
  const net = bridge.replace('bench', '');
  return {
    name: 'floor',
    steps: [{ program, conf: {} }],
    env: { FLOOR_BRIDGE: bridge, FLOOR_DIR: `${DATA_DIR}/floor`, FLOOR_NET: `10.${net}.` },
  };
}

/** Creates links to cnikit under the names of the plugins that it acts as. */
export const MULTI_CALL = ['ptp', 'loopback'];

export function casesOfPlugin(): Case[] {
  return [
    bridged('bridge', {}, 6),
    bridged('bridge + ipMasq', { ipMasq: true }, 10),
    bridged('+ portMappings', { ipMasq: true, portMappings: true }),
    bridged('+ bandwidth', { ipMasq: true, portMappings: true, bandwidth: true }, 15),
    bridged('bridge + bandwidth', { bandwidth: true }),
    same('ptp', 'ptp', (net) => ({
      ipam: { type: 'host-local', dataDir: DATA_DIR, ranges: [[{ subnet: `10.${net}.0.0/16` }]] },
    })),
    same('loopback', 'loopback', () => ({})),
  ];
}

/** Returns the cases with separate networks, for additional runs beside the table. */
export const plainBridge = (): Case => bridged('bridge', {});
export const masqueradedBridge = (): Case => bridged('bridge + ipMasq', { ipMasq: true });
