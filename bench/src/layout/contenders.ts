/** The layouts that are compared, each with its own network. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { executablePath } from '@cnikit/plugin';
import type { Run } from '../lib/exec-timer.ts';
import { DATA_DIR, podNetns, REFERENCE } from '../plugin/node.ts';

interface Contender {
  name: string;
  program: string;
  conf: object;
}

const BIN = `${DATA_DIR}/bin`;
const bridge = { isDefaultGateway: true, hairpinMode: true };
export const CONTENDERS: readonly Contender[] = [
  { name: 'bridge', program: `${BIN}/cnikit`, conf: { type: 'cnikit', ...bridge } },
  { name: 'routed', program: `${BIN}/cnikit`, conf: { type: 'cnikit', ...bridge, layout: 'routed' } },
  { name: 'ptp', program: `${BIN}/ptp`, conf: { type: 'ptp' } },
  { name: "upstream's bridge", program: `${REFERENCE}/bridge`, conf: { type: 'bridge', ...bridge } },
];

/** Creates the links that {@link CONTENDERS} run. */
export function installPlugins(): void {
  mkdirSync(BIN, { recursive: true });
  for (const name of ['cnikit', 'ptp']) {
    symlinkSync(executablePath(), `${BIN}/${name}`);
  }
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
    },
    ...(group === undefined ? {} : { group }),
  };
}
