/** Host ports of sandboxes that the runtime lost: their containers are gone, their namespaces are not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { hostVethName } from '../src/links/names.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { type Answer, invokers } from './invoke.ts';
import { type Pod, run } from './namespaces.ts';
import { cniArgs, RESULTS, recordOf, runtime } from './runtime.ts';
import { scratch } from './scratch.ts';

const PATH = process.env.PATH ?? '';
const TASKS = '/run/containerd/io.containerd.runtime.v2.task/k8s.io';
const PORTS = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];

describe.skipIf(!inSandbox).each(invokers)(
  'lost sandboxes by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const { record, age, start } = runtime();
    afterEach(() => rmSync('/run/containerd', { recursive: true, force: true }));

    const conf = (ports: readonly object[], changes: object) => ({
      cniVersion: '1.0.0',
      name: 'net',
      bridge: 'lost0',
      ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.84.0.0/24' },
      runtimeConfig: { portMappings: ports },
      ...changes,
    });
    const call = (command: string, id: string, pod: Pod, name: string, changes: object, ports = PORTS) =>
      invoke(
        env(command, id, pod, { PATH, CNI_ARGS: cniArgs(name) }),
        conf(ports, changes),
        (changes as { type?: string }).type ?? 'cnikit',
      );
    /** Runs ADD as a runtime does, which records the result. */
    const add = (id: string, pod: Pod, name = id, changes: object = {}, ports = PORTS): Answer => {
      const { backend } = changes as { backend?: string };
      let answer: Answer;
      if (backend === undefined) {
        answer = call('ADD', id, pod, name, changes, ports);
      } else {
        const attached = ok(call('ADD', id, pod, name, { type: 'bridge' }));
        answer = call(
          'ADD',
          id,
          pod,
          name,
          { ...changes, type: 'portmap', prevResult: attached.json },
          ports,
        );
      }
      if (answer.exitCode === 0) {
        record(id, pod, { name, result: answer.json });
      }
      return answer;
    };
    /** Adds a pod whose process is visible, so that others' would be too. */
    const addLiving = async () => {
      const living = here.pod();
      await start(living);
      ok(add('living', living, 'living', {}, []));
    };
    const taken = (answer: Answer) =>
      fails(answer, 11, /Host port 8080\/tcp is taken by container a \(eth0\) of network net/);

    test.each(['link', 'namespace'])('cnikit ADD takes a host port whose pod has no %s', (gone) => {
      const a = here.pod();
      ok(call('ADD', 'a', a, 'a', {}));
      if (gone === 'link') {
        run('ip', 'link', 'del', hostVethName('net', 'a', 'eth0'));
      } else {
        a.remove();
        // The kernel deletes the link asynchronously.
        run('sh', '-c', `while ip link show ${hostVethName('net', 'a', 'eth0')} 2>/dev/null; do :; done`);
      }
      const { stderr } = ok(call('ADD', 'b', here.pod(), 'b', {}));
      expect(stderr).toBe(
        `Took host port 8080/tcp from container a (eth0) of network net: its link ${hostVethName('net', 'a', 'eth0')} is gone\n`,
      );
      const rules = run('nft', 'list', 'table', 'inet', 'cnikit_hostports');
      expect(rules).toContain('comment "net/b/eth0"');
      expect(rules.match(/chain pod-/g)).toHaveLength(1);
      ok(call('DEL', 'a', a, 'a', {}));
      expect(run('nft', 'list', 'table', 'inet', 'cnikit_hostports')).toBe(rules);
    });

    test('cnikit ADD takes the host port of a sandbox without processes for the next sandbox of its pod', async () => {
      await addLiving();
      ok(add('a', here.pod(), 'web-0'));
      const { stderr } = ok(add('b', here.pod(), 'web-0'));
      expect(stderr).toContain('its network namespace has no process, and its pod has a new sandbox');
    });

    test('cnikit ADD takes the host port of a sandbox that did not start for five minutes', async () => {
      await addLiving();
      ok(add('a', here.pod()));
      age('a', 4);
      taken(add('b', here.pod()));
      age('a', 6);
      expect(ok(add('c', here.pod())).stderr).toContain('its ADD was 6 minutes ago');
    });

    test('cnikit ADD leaves a host port to a sandbox with a process', async () => {
      await addLiving();
      const a = here.pod();
      await start(a);
      ok(add('a', a, 'web-0'));
      age('a', 60);
      taken(add('b', here.pod(), 'web-0'));
    });

    test('cnikit ADD leaves a host port to a sandbox whose processes may be invisible in this PID namespace', () => {
      ok(add('a', here.pod(), 'web-0'));
      age('a', 60);
      taken(add('b', here.pod(), 'web-0'));
    });

    test('cnikit ADD leaves a host port to a sandbox that the runtime knows', async () => {
      await addLiving();
      ok(add('a', here.pod(), 'web-0'));
      mkdirSync(`${TASKS}/a`, { recursive: true });
      taken(add('b', here.pod(), 'web-0'));
      rmSync(`${TASKS}/a`, { recursive: true });
      ok(add('c', here.pod(), 'web-0'));
    });

    test('cnikit ADD leaves a host port to a sandbox without a record, whose ADD may run', async () => {
      await addLiving();
      ok(add('a', here.pod(), 'web-0'));
      rmSync(recordOf('a'));
      taken(add('b', here.pod(), 'web-0'));
    });

    test('cnikit ADD takes all ports of a lost pod, in one transaction with its own rules', async () => {
      await addLiving();
      const more = [...PORTS, { hostPort: 8081, containerPort: 81, protocol: 'tcp' }];
      ok(add('a', here.pod(), 'web-0', {}, more));
      ok(add('b', here.pod(), 'web-0'));
      ok(add('c', here.pod(), 'c', {}, more.slice(1)));
      const rules = run('nft', 'list', 'table', 'inet', 'cnikit_hostports');
      expect(rules.match(/chain pod-/g)).toHaveLength(2);
      expect(rules).not.toContain('net/a/eth0');
    });

    test('Two concurrent ADDs of cnikit never both take the host port of a lost pod', async () => {
      const a = here.pod();
      ok(call('ADD', 'a', a, 'a', {}));
      run('ip', 'link', 'del', hostVethName('net', 'a', 'eth0'));
      const codes = await Promise.all(
        [here.pod(), here.pod(), here.pod()].map(async (pod, i) => {
          const child = spawn(executablePath(), {
            argv0: 'cnikit',
            env: env('ADD', `new${i}`, pod, { PATH }),
            stdio: ['pipe', 'ignore', 'ignore'],
          });
          child.stdin.end(JSON.stringify(conf(PORTS, {})));
          const [code] = await once(child, 'exit');
          return code as number;
        }),
      );
      expect(codes.filter((code) => code === 0)).toHaveLength(1);
      const rules = run('nft', 'list', 'table', 'inet', 'cnikit_hostports');
      expect(rules).toContain(`comment "net/new${codes.indexOf(0)}/eth0"`);
      expect(rules.match(/chain pod-/g)).toHaveLength(1);
    });

    test('portmap ADD in upstream’s tables removes the rules of a lost pod, which would receive the packets', async () => {
      await addLiving();
      const changes = { backend: 'nftables' };
      ok(add('a', here.pod(), 'web-0', changes));
      ok(add('b', here.pod(), 'other', changes));
      expect(run('nft', 'list', 'chain', 'ip', 'cni_hostport', 'hostports')).toMatch(/"a"[\s\S]*"b"/);
      ok(add('c', here.pod(), 'web-0', changes));
      const rules = run('nft', 'list', 'table', 'ip', 'cni_hostport');
      expect(rules).not.toContain('comment "a"');
      expect(rules).toContain('comment "b"');
      expect(rules).toContain('comment "c"');
      expect(readdirSync(RESULTS)).toHaveLength(4);
    });
  },
);
