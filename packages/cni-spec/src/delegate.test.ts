import { describe, expect, test } from 'vitest';
import {
  type Context,
  definePlugin,
  delegate,
  delegateIpamAdd,
  dispatch,
  type ExecOutcome,
  type ExecRequest,
} from './index.ts';

const env = {
  CNI_CONTAINERID: 'c',
  CNI_NETNS: '/n',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/empty:/bin',
  CNI_ARGS: 'A=1',
  HOME: '/root',
};
const stdin = JSON.stringify({ cniVersion: '0.4.0', name: 'n', type: 'main', ipam: { type: 'pool' } });

/** Runs a main plugin that forwards every operation to the IPAM plugin `pool`. */
function run(command: string, answer: (command: string | undefined) => Partial<ExecOutcome>, type = 'pool') {
  const requests: ExecRequest[] = [];
  const io = {
    exec: (request: ExecRequest) => {
      requests.push(request);
      return { exitCode: 0, stdout: '', stderr: '', ...answer(request.env.CNI_COMMAND) };
    },
    isFile: (path: string) => path === '/bin/pool',
  };
  const forward = (context: Context<unknown>) => void delegate(io, context, type);
  const plugin = definePlugin<unknown>({
    about: 'x',
    add: (context) => delegateIpamAdd(io, context, type),
    del: forward,
    check: forward,
    checkWithoutPrevResult: true,
  });
  const { stdout } = dispatch(plugin, { env: { ...env, CNI_COMMAND: command }, stdin });
  return {
    reply: stdout && JSON.parse(stdout),
    requests,
    commands: requests.map((request) => request.env.CNI_COMMAND),
  };
}

const failure = (code: number) => ({ exitCode: 1, stdout: JSON.stringify({ code, msg: 'No' }) });
const ips = [{ version: '4', address: '10.1.0.2/24' }];

describe('delegate()', () => {
  test('DELEG-1: delegate() searches CNI_PATH and passes the complete stdin and environment', () => {
    const { reply, requests } = run('ADD', () => ({ stdout: JSON.stringify({ ips }) }));
    expect(requests).toEqual([{ file: '/bin/pool', env: { ...env, CNI_COMMAND: 'ADD' }, stdin }]);
    expect(reply).toEqual({ cniVersion: '0.4.0', ips, dns: {} });
  });
  test.each(['DEL', 'CHECK'])('DELEG-5: delegate() forwards %s and returns its error', (command) => {
    expect(run(command, () => ({})).commands).toEqual([command]);
    expect(run(command, () => failure(11)).reply).toMatchObject({ code: 11, msg: 'No' });
  });
  test.each<[string, Partial<ExecOutcome>, number]>([
    ['fails', failure(11), 11],
    ['prints an invalid result', { stdout: 'x' }, 6],
    ['returns no address', { stdout: '{}' }, 999],
  ])(
    'DELEG-3, DELEG-4: delegateIpamAdd() runs DEL and throws when ADD of the delegate %s',
    (_name, outcome, code) => {
      const { reply, commands } = run('ADD', (command) => (command === 'ADD' ? outcome : failure(100)));
      expect(reply.code).toBe(code);
      expect(commands).toEqual(['ADD', 'DEL']);
    },
  );
  test.each(['other', '../bin/pool', ''])('delegate() refuses the type %j', (type) => {
    expect(run('ADD', () => ({}), type)).toMatchObject({ reply: { code: 7 }, commands: [] });
  });
});
