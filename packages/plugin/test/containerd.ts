/** A private containerd for containers without an image: one static program that answers on a port. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { run } from './namespaces.ts';

const DEADLINE_MS = 60_000;
const PORT = 8080;
const CGROUPS = '/sys/fs/cgroup';

/** Answers each connection with its first argument. */
const SERVER = `
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sockaddr_in here = { AF_INET, htons(${PORT}), { 0 } };
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (argc < 2 || bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 8)) return 1;
  for (;;) {
    int peer = accept(fd, 0, 0);
    if (peer < 0) continue;
    write(peer, argv[1], strlen(argv[1]));
    close(peer);
  }
}`;

/** The reason containerd cannot run here, or undefined. */
export function whyNoContainerd(): string | undefined {
  const missing = ['containerd', 'ctr', 'runc', 'musl-gcc'].filter(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  if (missing.length > 0) {
    return `${missing.join(', ')} missing (Debian: containerd, runc, musl-tools)`;
  }
  // A user namespace maps one user only.
  if (!/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'))) {
    return 'not the real root';
  }
  return undefined;
}

/** A running container. */
export interface Container {
  pid: number;
  /** Kills it and waits until containerd has removed it and its network. */
  remove(): Promise<void>;
}

/** A running containerd that reads /etc/cni/net.d and /opt/cni/bin. */
export interface Containerd {
  /** @param network attach the container by CNI */
  start(id: string, network: boolean): Promise<Container>;
  stop(): Promise<void>;
}

export async function startContainerd(dir: string): Promise<Containerd> {
  mkdirSync(`${dir}/rootfs/proc`, { recursive: true });
  writeFileSync(`${dir}/serve.c`, SERVER);
  run('musl-gcc', '-static', '-O2', '-w', '-o', `${dir}/rootfs/serve`, `${dir}/serve.c`);
  // The sandbox has a fresh /sys without cgroups.
  run('mount', '-t', 'cgroup2', 'none', CGROUPS);
  const cgroup = `/cnikit-test-${process.pid}`;
  const socket = `${dir}/containerd.sock`;
  writeFileSync(
    `${dir}/containerd.toml`,
    `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
  );
  const daemon = spawn('containerd', ['--config', `${dir}/containerd.toml`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log = text(daemon.stderr);
  const ctr = (...argv: string[]) => run('ctr', '-a', socket, ...argv);
  await until('containerd answers', () => ctr('version') !== '');

  return {
    async start(id, network) {
      const how = ['--rm', '--rootfs', '--null-io', '--cpu-shares', '0', '--cgroup', `${cgroup}/${id}`];
      const argv = [
        '-a',
        socket,
        'run',
        ...how,
        ...(network ? ['--cni'] : []),
        `${dir}/rootfs`,
        id,
        '/serve',
        id,
      ];
      const client = spawn('ctr', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
      const stderr = text(client.stderr);
      const pid = await until(`container ${id} runs`, async () => {
        if (client.exitCode !== null) {
          throw new Error(`ctr run: ${await stderr}`);
        }
        return Number(new RegExp(`^${id}\\s+(\\d+)\\s+RUNNING`, 'm').exec(ctr('task', 'ls'))?.[1] ?? 0);
      });
      return {
        pid,
        async remove() {
          ctr('task', 'kill', '-s', 'KILL', id);
          await ended(client);
        },
      };
    },
    async stop() {
      daemon.kill();
      await ended(daemon);
      await log;
      rmdirSync(`${CGROUPS}${cgroup}`);
      run('umount', CGROUPS);
      rmSync(dir, { recursive: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit');
  }
}

/** Polls `ask` until it returns a truthy value, and returns that. */
export async function until<T>(what: string, ask: () => T | Promise<T>): Promise<T> {
  let cause: unknown;
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; ) {
    try {
      const answer = await ask();
      if (answer) {
        return answer;
      }
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('ctr run:')) {
        throw error;
      }
      cause = error;
    }
    await setTimeout(50);
  }
  throw new Error(`Timed out waiting until ${what}`, { cause });
}

/** The IPv4 addresses of a container's eth0. */
export function addressesOf({ pid }: Container): string[] {
  const [link] = JSON.parse(
    run('nsenter', '-t', `${pid}`, '-n', 'ip', '-j', '-4', 'address', 'show', 'eth0'),
  );
  return link.addr_info.map((one: { local: string }) => one.local);
}

/** Returns what a container sends to a client that connects. */
export async function askContainer(host: string, port = PORT): Promise<string> {
  return until(`${host}:${port} answers`, async () => {
    const socket = connect({ host, port, timeout: 5000 });
    socket.on('timeout', () => socket.destroy(new Error('time-out')));
    return text(socket);
  });
}
