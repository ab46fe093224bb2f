/** The process, and programs it runs. */
import { O_RDONLY, withNetns } from '@cnikit/sys';
import { type Case, equal, fails } from './case.ts';

const MIB = 1 << 20;

export const processCases: readonly Case[] = [
  {
    name: 'getpid(), environ() and the clocks describe this process',
    run(sys) {
      equal(String(sys.getpid()), sys.readlink('/proc/self'));
      equal(typeof sys.environ().PATH, 'string');
      const start = sys.monotonicMs();
      sys.sleepMs(2);
      equal(sys.monotonicMs() >= start + 2, true);
      const used = sys.cpuMs();
      for (let i = 0; sys.cpuMs() === used; i++) {
        equal(i < 1e7, true);
      }
      equal(sys.cpuMs() > used, true);
      equal(sys.realtimeMs() > Date.UTC(2024, 0), true);
    },
  },
  {
    name: 'environ() returns the variables that a program inherits',
    run(sys) {
      const env: Record<string, string> = {};
      for (const entry of sys.run(['env', '-0']).stdout.split('\0').filter(Boolean)) {
        const at = entry.indexOf('=');
        env[entry.slice(0, at)] = entry.slice(at + 1);
      }
      equal(sys.environ(), env);
      const changed = sys.environ();
      changed.PATH = '';
      equal(sys.environ(), env);
    },
  },
  {
    name: 'environ() returns only the variables that begin with a given text',
    run(sys) {
      const env = sys.environ();
      const expected = Object.entries(env).filter(([name]) => name === 'PATH' || name.startsWith('H'));
      equal(sys.environ('PATH= H'), Object.fromEntries(expected));
      equal(sys.environ('PATH'.slice(1)), {});
      equal(sys.environ('PAT=').PATH, undefined);
    },
  },
  {
    name: 'randomBytes() returns the requested number of bytes, different on each call',
    run(sys) {
      const [a, b] = [sys.randomBytes(32), sys.randomBytes(32)];
      equal([a.length, sys.randomBytes(0).length], [32, 0]);
      equal(
        a.some((byte, i) => byte !== b[i]),
        true,
      );
    },
  },
  {
    name: 'run() passes input and returns status, output and error output',
    run(sys) {
      const script = 'cat; echo oops >&2; exit 3';
      equal(sys.run(['sh', '-c', script], { input: 'given 🦊' }), {
        status: 3,
        signal: 0,
        stdout: 'given 🦊',
        stderr: 'oops\n',
      });
    },
  },
  {
    name: 'run() passes arguments unchanged, without a shell',
    run(sys) {
      equal(sys.run(['printf', '%s|', '', '$HOME', '*', 'a b', '"']).stdout, '|$HOME|*|a b|"|');
    },
  },
  {
    name: 'run() passes its own environment or exactly the given one',
    run(sys) {
      equal(sys.run(['sh', '-c', 'echo "$PATH"']).stdout.trim(), sys.environ().PATH);
      equal(sys.run(['/usr/bin/env'], { env: { A: '1', B: '' } }).stdout, 'A=1\nB=\n');
      equal(sys.run(['/usr/bin/env'], { env: {} }).stdout, '');
    },
  },
  {
    name: 'run() searches argv[0] in PATH',
    run(sys, dir) {
      sys.mkdir(`${dir}/bin`);
      sys.writeText(`${dir}/bin/tool`, '#!/bin/sh\necho found\n', { mode: 0o755 });
      sys.writeText(`${dir}/bin/data`, 'no program', { mode: 0o644 });
      const env = { PATH: `${dir}/none:${dir}/bin` };
      equal(sys.run(['tool'], { env }).stdout, 'found\n');
      fails('ENOENT', 'missing-tool', () => sys.run(['missing-tool'], { env }));
      fails('EACCES', 'data', () => sys.run(['data'], { env }));
      fails('EACCES', `${dir}/bin/data`, () => sys.run([`${dir}/bin/data`]));
      fails('ENOENT', `${dir}/tool`, () => sys.run([`${dir}/tool`]));
    },
  },
  {
    name: 'run() refuses an empty command and arguments that contain NUL',
    run(sys) {
      fails('EINVAL', undefined, () => sys.run([]));
      fails('EINVAL', '', () => sys.run(['']));
      fails('EINVAL', 'echo', () => sys.run(['echo', 'a\0b']));
      fails('EINVAL', 'echo', () => sys.run(['echo'], { env: { A: 'x\0B=1' } }));
    },
  },
  {
    name: 'run() refuses a command line in place of a list',
    run(sys) {
      let refused = false;
      try {
        sys.run('true' as unknown as string[]);
      } catch (error) {
        refused = error instanceof TypeError;
      }
      equal(refused, true);
    },
  },
  {
    name: 'run() passes a mebibyte in both directions without a deadlock',
    run(sys) {
      const input = '0123456789abcdef'.repeat(MIB / 16);
      equal(sys.run(['cat'], { input }).stdout === input, true);
      const { stdout, stderr } = sys.run(['sh', '-c', 'tee /dev/stderr'], { input });
      equal([stdout === input, stderr === input], [true, true]);
    },
  },
  {
    name: 'run() succeeds when the program does not read its input',
    run(sys) {
      equal(sys.run(['true'], { input: 'x'.repeat(MIB) }).status, 0);
    },
  },
  {
    name: 'run() reports the signal that killed the program',
    run(sys) {
      const { status, signal } = sys.run(['sh', '-c', 'kill -KILL $$']);
      equal([status, signal], [137, 9]);
      // Ours may be ignored, the child's must not be.
      equal(sys.run(['sh', '-c', 'kill -PIPE $$']).signal, 13);
    },
  },
  {
    name: 'run() kills the program after the timeout and leaves no zombie',
    run(sys) {
      fails('ETIMEDOUT', 'sleep', () => sys.run(['sleep', '60'], { timeoutMs: 20 }));
      fails('ETIMEDOUT', 'sh', () =>
        sys.run(['sh', '-c', 'exec >&- 2>&-; exec sleep 60'], { timeoutMs: 20 }),
      );
      equal(sys.run(['true'], { timeoutMs: 60_000 }).status, 0);
      const me = sys.getpid();
      const zombies = sys.run(['ps', '-o', 'pid=,stat=', '--ppid', String(me)]).stdout;
      equal(/ Z/.test(zombies), false);
    },
  },
  {
    name: 'run() returns when the program exits, even if a background process keeps the pipes open',
    run(sys) {
      const { stdout } = sys.run(['sh', '-c', 'sleep 60 & echo $!'], { timeoutMs: 30_000 });
      equal(sys.run(['kill', stdout.trim()]).status, 0);
    },
  },
  {
    name: 'run() passes only the descriptors 0, 1 and 2',
    run(sys) {
      const fd = sys.open('/dev/null', O_RDONLY);
      // 3 is the directory that ls itself reads.
      equal(sys.run(['ls', '/proc/self/fd']).stdout.split('\n').filter(Boolean), ['0', '1', '2', '3']);
      sys.close(fd);
    },
  },
  {
    name: 'sys leaks no descriptors, whether calls succeed or fail',
    run(sys, dir) {
      const count = () => sys.readdir('/proc/self/fd').length;
      const before = count();
      for (let i = 0; i < 50; i++) {
        sys.writeText(`${dir}/f`, 'x');
        sys.readText(`${dir}/f`);
        fails('EFBIG', `${dir}/f`, () => sys.readText(`${dir}/f`, 0));
        sys.readdir(dir);
        fails('ENOENT', './none', () => sys.run(['./none']));
        fails('EINVAL', '/dev/null', () => withNetns(sys, '/dev/null', () => 0));
      }
      sys.run(['true']);
      fails('ETIMEDOUT', 'sleep', () => sys.run(['sleep', '60'], { timeoutMs: 1 }));
      equal(count(), before);
    },
  },
];
