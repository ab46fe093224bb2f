/** A runtime's part in a test: libcni's records of attachments, and processes in pods. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import type { RuntimeIo } from '@cnikit/cni-spec/runtime';
import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
import { sys } from '@cnikit/sys';
import { afterEach, beforeEach } from 'vitest';
import type { Pod } from './namespaces.ts';

/** Folder of libcni's records. */
export const RESULTS = '/var/lib/cni/results';

/** The recorded part of an ADD. */
export interface Added {
  /** Result of the last plugin. */
  result: unknown;
  /** Name of the Kubernetes pod; none: not a pod of Kubernetes. */
  name?: string;
  /** Plugins of the list. */
  plugins?: readonly object[];
  capabilityArgs?: object | undefined;
}

export interface Runtime {
  /** Writes the record of eth0 of a container in network `net`. */
  record(id: string, pod: Pod, added: Added): void;
  /** Makes a record look as old as that. */
  age(id: string, minutes: number): void;
  /** Runs a process in a pod until the test ends. Returns when it runs. */
  start(pod: Pod): Promise<void>;
}

/** As `nodeRuntimeIo`, but does not fork the test for each plugin. */
export function runtimeIo(): RuntimeIo {
  return {
    ...nodeRuntimeIo(),
    async exec({ file, env, stdin }) {
      const { status, stdout, stderr } = sys.run([file], { env, input: stdin });
      return { exitCode: status, stdout, stderr };
    },
  };
}

export const recordOf = (id: string): string => `${RESULTS}/net-${id}-eth0`;

/** Gives each test of a suite an empty folder of records, and ends the processes that it started. */
export function runtime(): Runtime {
  let running: ChildProcess[];
  beforeEach(() => {
    running = [];
    mkdirSync(RESULTS, { recursive: true });
  });
  afterEach(() => {
    for (const child of running) {
      child.kill('SIGKILL');
    }
    rmSync(RESULTS, { recursive: true });
  });
  return {
    record(id, pod, { result, name, plugins = [], capabilityArgs }) {
      const list = { cniVersion: '1.0.0', name: 'net', plugins };
      const record = {
        kind: 'cniCacheV1',
        containerId: id,
        config: Buffer.from(JSON.stringify(list)).toString('base64'),
        ifName: 'eth0',
        networkName: 'net',
        netns: pod.path,
        cniArgs: name === undefined ? undefined : Object.entries(podArgs(name)),
        capabilityArgs,
        result,
      };
      writeFileSync(recordOf(id), JSON.stringify(record));
    },
    age(id, minutes) {
      const then = new Date(Date.now() - minutes * 60_000);
      utimesSync(recordOf(id), then, then);
    },
    async start(pod) {
      const child = spawn('ip', ['netns', 'exec', pod.name, 'sh', '-c', 'echo; exec sleep 600']);
      running.push(child);
      await new Promise((resolve) => child.stdout.once('data', resolve));
    },
  };
}

const podArgs = (name: string) => ({
  IgnoreUnknown: '1',
  K8S_POD_NAMESPACE: 'default',
  K8S_POD_NAME: name,
});

/** Returns CNI_ARGS as the kubelet's runtimes set them for a pod of the namespace `default`. */
export const cniArgs = (name: string): string =>
  Object.entries(podArgs(name))
    .map((pair) => pair.join('='))
    .join(';');
