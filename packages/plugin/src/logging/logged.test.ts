import type { PluginIo, PluginOutput } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import { logged } from './logged.ts';

const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_NETNS: '/run/netns/x' };
const OK: PluginOutput = { stdout: '{}\n', stderr: '', exitCode: 0 };

/** Implements only the calls that logging needs. */
function clocks(): Sys {
  let now = 1000;
  return {
    cpuMs: () => 0.9,
    monotonicMs: () => (now += 0.25),
    realtimeMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  } as Sys;
}

/** A plugin that reads its configuration and marks two phases, one of them twice. */
function plugin(output: PluginOutput): (io: PluginIo) => PluginOutput {
  return (io) => {
    if (typeof io.stdin === 'function') {
      io.stdin();
    }
    for (const phase of ['veth', 'ipam', 'veth']) {
      io.mark?.(phase);
    }
    return output;
  };
}

const lineOf = (stdin: string, output = OK): Record<string, unknown> =>
  JSON.parse(logged(clocks(), 'bridge', plugin(output))({ env, stdin: () => stdin }).stderr);

test('logged() writes plugin, verb, attachment, exit code and duration of each phase', () => {
  expect(lineOf('{"name":"net","log":{"stderr":true}}')).toEqual({
    time: '2026-01-02T03:04:05.006Z',
    plugin: 'bridge',
    verb: 'ADD',
    network: 'net',
    containerID: 'c1',
    ifName: 'eth0',
    netns: '/run/netns/x',
    code: 0,
    durationMs: 1.9,
    trace: { start: 0.9, veth: 0.5, ipam: 0.25, rest: 0.25 },
  });
});

test('logged() writes the error, without characters that would break the line', () => {
  const msg = `no \n room é ${'x'.repeat(5000)}`;
  const failed = { stdout: JSON.stringify({ code: 11, msg, details: 'later' }), stderr: '', exitCode: 1 };
  expect(lineOf('{"log":{"stderr":true}}', failed)).toMatchObject({
    code: 11,
    msg: msg.slice(0, 1000),
    details: 'later',
  });
  expect(lineOf('{"log":{"stderr":true}}', { ...failed, stdout: 'what?' })).toMatchObject({ code: 999 });
});

test.each(['', '{}', '{"name":"net"}', '{"name":"net","LOG":{"stderr":true}}'])(
  'logged() reads no clock for %j',
  (stdin) => {
    const output = logged({} as Sys, 'bridge', plugin(OK))({ env, stdin });
    expect(output).toBe(OK);
  },
);

test.each([
  '{"x":{"log":1}}',
  '{"log":{}}',
  '{"log":null}',
  '{"log":{"file":"","syslog":false}}',
  '"log"',
  '{"log"',
])('logged() writes nothing for %s', (stdin) => {
  expect(logged(clocks(), 'bridge', plugin(OK))({ env, stdin })).toEqual(OK);
});

test.each([
  ['{"log":5}', /^Invalid "log" configuration: /],
  ['{"log":{"file":5}}', /^Invalid "log" configuration: file/],
])('logged() reports the fault of %s and runs the verb', (stdin, text) => {
  const output = logged(clocks(), 'bridge', plugin(OK))({ env, stdin });
  expect(output).toEqual({ ...OK, stderr: expect.stringMatching(text) });
});
