/** Order of kernel requests of `cnikit`: rules change in one transaction before links, and one request waits for RCU. */
import { NETLINK_NETFILTER, sys } from '@cnikit/sys';
import { type InternalSys, internal } from '@cnikit/sys/internal';
import { describe, expect, test } from 'vitest';
import { pluginFor, plugins } from '../src/plugins/index.ts';
import { env, inSandbox } from './harness.ts';
import { run } from './namespaces.ts';
import { scratch } from './scratch.ts';

const NFNL_MSG_BATCH_BEGIN = 0x10;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;

describe.skipIf(!inSandbox)(
  'cnikit with all of its features (needs the sandbox: run npm test at the root)',
  () => {
    const here = scratch();

    test.each([
      ['tcp', 1],
      // DEL deletes connection tracking entries between two transactions.
      ['udp', 2],
    ])(
      'cnikit ADD and DEL with %s ports change all rules in one transaction before links',
      (protocol, removals) => {
        run('ip', 'link', 'set', 'lo', 'up');
        const log: string[] = [];
        const call = (command: string, id: string, path: string) => {
          log.splice(0);
          const conf = {
            cniVersion: '1.0.0',
            name: 'net',
            bridge: 'one0',
            isDefaultGateway: true,
            ipMasq: true,
            ipam: {
              type: 'host-local',
              dataDir: here.dir,
              ranges: [[{ subnet: '10.91.0.0/24' }], [{ subnet: 'fd91::/64' }]],
            },
            runtimeConfig: {
              portMappings: [{ hostPort: id === 'kept' ? 8080 : 8081, containerPort: 80, protocol }],
              bandwidth: { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 },
            },
          };
          const program = pluginFor(plugins(recording(log)), 'cnikit');
          const { exitCode, stdout } = program({
            env: env(command, id, { path }),
            stdin: JSON.stringify(conf),
          });
          expect([stdout, exitCode]).toEqual([exitCode === 0 ? stdout : '', 0]);
        };
        for (const id of ['kept', 'alone']) {
          const pod = here.pod();
          call('ADD', id, pod.path);
          expect(log.filter((one) => one === 'netfilter' || one === 'transaction')).toEqual([
            'netfilter',
            'transaction',
          ]);
          call('DEL', id, pod.path);
          const transactions = Array.from({ length: removals }, () => 'transaction');
          expect(log.filter((one) => one !== 'link')).toEqual(['netfilter', ...transactions, 'unlink']);
          expect(run('nft', 'list', 'ruleset')).toBe('');
        }
        const pods = [here.pod(), here.pod()];
        call('ADD', 'kept', pods[0]?.path ?? '');
        call('ADD', 'c1', pods[1]?.path ?? '');
        call('DEL', 'c1', pods[1]?.path ?? '');
        expect(log.filter((one) => one === 'unlink')).toHaveLength(1);
        call('DEL', 'kept', '');
        expect(run('nft', 'list', 'ruleset')).toBe('');
      },
    );
  },
);

/** Records netfilter sockets and transactions, and links that are created and deleted. */
function recording(log: string[]): InternalSys {
  const netfilter = new Set<number>();
  const note = (fd: number, bytes: Uint8Array) => {
    const type = (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8);
    if (netfilter.has(fd) && type === NFNL_MSG_BATCH_BEGIN) {
      log.push('transaction');
    }
    if (!netfilter.has(fd) && type === RTM_NEWLINK) {
      log.push('link');
    }
    if (!netfilter.has(fd) && type === RTM_DELLINK) {
      log.push('unlink');
    }
  };
  return {
    ...internal(sys),
    openNetlink(protocol, netns) {
      const opened = sys.openNetlink(protocol, netns);
      netfilter.delete(opened.fd);
      if (protocol === NETLINK_NETFILTER) {
        netfilter.add(opened.fd);
        log.push('netfilter');
      }
      return opened;
    },
    send(fd, bytes) {
      note(fd, bytes);
      return sys.send(fd, bytes);
    },
    sendDetached(fd, bytes, name) {
      note(fd, bytes);
      return internal(sys).sendDetached(fd, bytes, name);
    },
  };
}
