/** The log as an operator reads it: a file, a syslog socket, and logs that cannot be written. */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM, sys } from '@cnikit/sys';
import { describe, expect, test } from 'vitest';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { run } from './namespaces.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'logging by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const call = (command: string, path: string, log: unknown, changes: object = {}) =>
      invoke(env(command, 'c1', { path }), {
        cniVersion: '1.1.0',
        name: 'net',
        bridge: 'log0',
        isDefaultGateway: true,
        ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.95.0.0/24' },
        log,
        ...changes,
      });
    const lines = (file: string) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));

    test('log.file gets a line for each verb, with its phases', () => {
      const file = `${here.dir}/cnikit.log`;
      const pod = here.pod();
      const limits = { egressRate: 8000, egressBurst: 80_000 };
      const prevResult = ok(call('ADD', pod.path, { file }, limits)).json;
      expect(ok(call('CHECK', pod.path, { file }, { ...limits, prevResult })).stderr).toBe('');
      ok(call('DEL', '', { file }, limits));
      ok(call('STATUS', '', { file }));
      fails(call('ADD', '/run/netns/gone', { file }), 4, /CNI_NETNS/);
      const logged = lines(file);
      expect(logged.map(({ verb, code }) => [verb, code])).toEqual([
        ['ADD', 0],
        ['CHECK', 0],
        ['DEL', 0],
        ['STATUS', 0],
        ['ADD', 4],
      ]);
      expect(logged[0]).toMatchObject({
        plugin: 'cnikit',
        network: 'net',
        containerID: 'c1',
        netns: pod.path,
      });
      const phases = 'start parse netns bridge veth bandwidth ipam gateway addresses port rest'.split(' ');
      expect(Object.keys(logged[0].trace)).toEqual(phases);
      expect(Object.keys(logged[2].trace)).toEqual(['start', 'parse', 'rules', 'links', 'ipam', 'rest']);
      expect(logged[4].msg).toMatch(/CNI_NETNS "\/run\/netns\/gone" does not open/);
      expect(statSync(file).mode & 0o777).toBe(0o640);
    });

    test('log.syslog gets a datagram with the severity', () => {
      const socket = `${here.dir}/syslog`;
      const fd = sys.socket(AF_UNIX, SOCK_DGRAM, 0);
      sys.bindUnix(fd, socket);
      const received = () => {
        const into = new Uint8Array(4096);
        return Buffer.from(into.subarray(0, sys.recv(fd, into, MSG_DONTWAIT))).toString();
      };
      ok(call('STATUS', '', { syslog: socket }));
      expect(received()).toMatch(/^<30>cnikit\[\d+\]: \{.*"verb":"STATUS".*"code":0/);
      fails(call('ADD', '/run/netns/gone', { syslog: socket }), 4, /./);
      expect(received()).toMatch(/^<27>cnikit\[\d+\]: \{.*"code":4/);
      sys.close(fd);
      expect(ok(call('STATUS', '', { syslog: socket })).stderr).toMatch(/Cannot log to .*ECONNREFUSED/);
    });

    test('ADD and DEL report an unwritable log on stderr and succeed', () => {
      const fifo = `${here.dir}/fifo`;
      run('mkfifo', fifo);
      mkdirSync(`${here.dir}/folder`);
      const socket = `${here.dir}/full`;
      const fd = sys.socket(AF_UNIX, SOCK_DGRAM, 0);
      sys.bindUnix(fd, socket);
      for (const [log, warning] of [
        [{ file: `${here.dir}/none/x.log` }, /ENOENT/],
        [{ file: `${here.dir}/folder` }, /EISDIR/],
        [{ file: fifo }, /ENXIO/],
        [{ file: '/dev/full' }, /ENOSPC/],
        [{ syslog: `${here.dir}/none` }, /ENOENT/],
        [{ syslog: 5 }, /Invalid "log" configuration: syslog/],
        ['loud', /Invalid "log" configuration/],
      ] as const) {
        const pod = here.pod();
        expect(ok(call('ADD', pod.path, log)).stderr).toMatch(warning);
        expect(ok(call('DEL', pod.path, log)).stderr).toMatch(warning);
      }
      // Nothing reads the socket: once its queue is full, lines are lost.
      let lost = '';
      for (let i = 0; i < 1000 && lost === ''; i++) {
        lost = ok(call('STATUS', '', { syslog: socket })).stderr;
      }
      expect(lost).toMatch(/EAGAIN/);
      sys.close(fd);
    });

    test('STATUS writes nothing to stderr unless log.stderr is set', () => {
      expect(ok(call('STATUS', '', undefined)).stderr).toBe('');
      expect(JSON.parse(ok(call('STATUS', '', { stderr: true })).stderr)).toMatchObject({ verb: 'STATUS' });
    });
  },
);
