/** The layouts that are compared, each with its own network. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { executablePath } from '@cnikit/plugin';
import { compiledFloor, type Run } from '../lib/exec-timer.ts';
import { DATA_DIR, ip, podNetns, REFERENCE } from '../plugin/node.ts';

interface Contender {
  name: string;
  program: string;
  conf: object;
}

const BIN = `${DATA_DIR}/bin`;
const bridge = { isDefaultGateway: true, hairpinMode: true };
/** Makes the system calls of `routed` in C. */
const FLOOR = { name: 'calls of routed, C', program: `${BIN}/floor`, conf: {} };
export const CONTENDERS: readonly Contender[] = [
  { name: 'bridge', program: `${BIN}/cnikit`, conf: { type: 'cnikit', ...bridge } },
  { name: 'routed', program: `${BIN}/cnikit`, conf: { type: 'cnikit', ...bridge, layout: 'routed' } },
  { name: 'ptp', program: `${BIN}/ptp`, conf: { type: 'ptp' } },
  FLOOR,
  { name: "upstream's bridge", program: `${REFERENCE}/bridge`, conf: { type: 'bridge', ...bridge } },
];
/** Index of the program in C. */
export const FLOOR_AT = CONTENDERS.indexOf(FLOOR);
/** Address of the node. Without one the kernel looks for a source address on each link, for each route. */
export const NODE = '10.99.99.1';

/** Creates the links that {@link CONTENDERS} run, and gives the node an address. */
export function installPlugins(): void {
  ip('address', 'replace', `${NODE}/32`, 'dev', 'lo');
  mkdirSync(BIN, { recursive: true });
  for (const name of ['cnikit', 'ptp']) {
    symlinkSync(executablePath(), `${BIN}/${name}`);
  }
  symlinkSync(compiledFloor('routed-floor'), FLOOR.program);
}

/** Returns the run of one command for one pod of the contender `at`. */
export function runOf(at: number, command: 'ADD' | 'DEL', id: string, pod: number, group?: string): Run {
  const { name, program, conf } = CONTENDERS[at]!;
  return {
    label: command,
    program,
    input: {
      cniVersion: '1.0.0',
      name: `bench${at}`,
      ...conf,
      ...(name !== 'ptp' && { bridge: `bench${at}` }),
      ipam: {
        type: 'host-local',
        dataDir: `${DATA_DIR}/${at}`,
        ranges: [[{ subnet: `10.${100 + at}.0.0/20` }], [{ subnet: `fd00:${at + 1}::/64` }]],
        // The others have isDefaultGateway; upstream refuses both.
        ...(name === 'ptp' && { routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }),
      },
    },
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: podNetns(pod),
      CNI_IFNAME: 'eth0',
      CNI_PATH: REFERENCE,
      ...(at === FLOOR_AT && {
        FLOOR_DIR: `${DATA_DIR}/${at}`,
        FLOOR_NET: `10.${100 + at}.`,
        FLOOR_NET6: `fd00:${at + 1}::`,
      }),
    },
    ...(group === undefined ? {} : { group }),
  };
}
