/** ADD and DEL with each call to the kernel failing in turn, and with the process killed before each. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { sys as realSys, type Sys, SysError } from '@cnikit/sys';
import { interpose } from '@cnikit/sys/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pluginFor, plugins } from '../src/plugins/index.ts';
import { env, inSandbox } from './harness.ts';
import { hostVeths, ipJson, makePod, type Pod, run } from './namespaces.ts';

const EIO = 5;
const TYPES = ['bridge', 'ptp', 'tuning', 'cnikit'];
/** All that cnikit does behind the bridge. */
const FEATURES = { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 };
const RANGES = { ranges: [[{ subnet: '10.98.0.0/24' }], [{ subnet: 'fd98::/64' }]] };

interface Faulty {
  sys: Sys;
  /** Whether the call that was to fail was made. */
  reached(): boolean;
  /** Closes what is still open, as the kernel does at the end of a process. */
  end(): void;
}

/** `setns` always goes through: that it cannot come back from a namespace ends the process, and with it this one. */
function faulty(at: number, killed: boolean): Faulty {
  let hit = false;
  let closing = false;
  const open = new Set<number>();
  const opening = (fd: number): number => {
    open.add(fd);
    return fd;
  };
  const tracked: Sys = {
    ...realSys,
    open: (...args) => opening(realSys.open(...args)),
    socket: (...args) => opening(realSys.socket(...args)),
    close(fd) {
      open.delete(fd);
      realSys.close(fd);
      // Linux closes even when it reports a failure.
      if (closing) throw new SysError({ syscall: 'close', errno: EIO });
    },
  };
  const sys = interpose(tracked, (index, name) => {
    closing = false;
    if (name === 'setns' || (killed ? index < at : index !== at)) return;
    hit = true;
    closing = name === 'close' && !killed;
    if (closing) return;
    if (killed) throw new Error('killed');
    throw new SysError({ syscall: name, errno: EIO });
  });
  return { sys, reached: () => hit, end: () => open.forEach((fd) => void realSys.close(fd)) };
}

describe.skipIf(!inSandbox)('faults (needs the sandbox: run npm test at the root)', () => {
  let dir: string;
  let pod: Pod;
  /** A runtime uses none twice. */
  let id: string;
  const conf = (type: string) => ({
    cniVersion: '1.0.0',
    name: 'net',
    type,
    ...(type === 'bridge' || type === 'cnikit'
      ? { bridge: 'fault0', isDefaultGateway: true, hairpinMode: true }
      : {}),
    ...(type === 'cnikit' ? FEATURES : {}),
    ...(type === 'tuning'
      ? { dataDir: `${dir}/tuning`, mtu: 1400, sysctl: { 'net.core.somaxconn': '9' }, prevResult: {} }
      : { ipam: { type: 'host-local', dataDir: dir, ...RANGES } }),
  });
  const call = (type: string, command: string, sys: Sys = realSys) =>
    pluginFor(plugins(sys), type)({ env: env(command, id, pod), stdin: JSON.stringify(conf(type)) });
  const ifbs = () => ipJson('link', 'show', 'type', 'ifb').map((one) => one.ifname);
  /** What is left: host ends, interfaces of the pod, addresses, backups. */
  const leftovers = (type: string): string[] => {
    const inPod = JSON.parse(pod.run('ip', '-j', 'link'))
      .map((one: { ifname: string; mtu: number }) => `${one.ifname} ${one.mtu}`)
      .filter((one: string) => !one.startsWith('lo ') && one !== 'eth0 1500');
    const files = [`${dir}/net`, `${dir}/tuning`]
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder))
      .filter((name) => /^(10\.|fd98:)|\.json$/.test(name));
    return [...(type === 'tuning' ? [] : hostVeths()), ...ifbs(), ...inPod, ...files];
  };
  const reset = (type: string) => {
    if (type === 'tuning') pod.run('ip', 'link', 'set', 'eth0', 'mtu', '1500');
    else expect(call(type, 'DEL').exitCode).toBe(0);
    if (ipJson('link').some((one) => one.ifname === 'fault0')) run('ip', 'link', 'del', 'fault0');
  };

  beforeEach(() => {
    dir = mkdtempSync('/run/cnikit-test-');
    pod = makePod();
  });
  afterEach(() => {
    // A namespace's links go some time after it, so the host ends go first and by name.
    for (const name of [...hostVeths(), ...ifbs()]) run('ip', 'link', 'del', name);
    pod.remove();
    rmSync(dir, { recursive: true });
  });

  test.each(TYPES)(
    'ADD of %s that meets a failure is an error and leaves nothing, or does without',
    (type) => {
      if (type === 'tuning') pod.run('ip', 'link', 'add', 'eth0', 'type', 'bridge');
      for (let at = 1; ; at++) {
        id = `c${at}`;
        const { sys, reached, end } = faulty(at, false);
        const { exitCode } = call(type, 'ADD', sys);
        end();
        if (!reached()) break;
        if (exitCode !== 0) expect([at, ...leftovers(type)]).toEqual([at]);
        else expect(call(type, 'DEL').exitCode).toBe(0);
        reset(type);
      }
    },
  );

  test.each(TYPES)('ADD of %s that is killed leaves nothing after DEL', (type) => {
    if (type === 'tuning') pod.run('ip', 'link', 'add', 'eth0', 'type', 'bridge');
    for (let at = 1; ; at++) {
      id = `c${at}`;
      const { sys, reached, end } = faulty(at, true);
      call(type, 'ADD', sys);
      end();
      if (!reached()) break;
      expect(call(type, 'DEL').exitCode).toBe(0);
      expect([at, ...leftovers(type)]).toEqual([at]);
      reset(type);
    }
  });

  test.each(TYPES)('DEL of %s that fails or is killed is made good by the next', (type) => {
    if (type === 'tuning') pod.run('ip', 'link', 'add', 'eth0', 'type', 'bridge');
    for (const killed of [false, true]) {
      for (let at = 1; ; at++) {
        id = `${killed ? 'k' : 'f'}${at}`;
        expect([at, call(type, 'ADD')]).toMatchObject([at, { exitCode: 0 }]);
        const { sys, reached, end } = faulty(at, killed);
        call(type, 'DEL', sys);
        end();
        if (!reached()) break;
        expect(call(type, 'DEL').exitCode).toBe(0);
        expect([killed, at, ...leftovers(type)]).toEqual([killed, at]);
      }
    }
  });
});
