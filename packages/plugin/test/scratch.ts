/** What a test makes on the node, gone after it. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach } from 'vitest';
import { hostVeths, ipJson, makePod, type Pod, run } from './namespaces.ts';

export interface Scratch {
  /** A folder of the test's own, for state and files. */
  readonly dir: string;
  /** The pods made so far. */
  readonly pods: readonly Pod[];
  /** Makes a pod. */
  pod(): Pod;
  /** The reservation files of network `net` below {@link dir}, half-made ones too. */
  reservations(): string[];
}

/** For a suite: each of its tests begins with an empty folder and ends without the pods, links and rules it made. */
export function scratch(): Scratch {
  let dir: string;
  let pods: Pod[];
  beforeEach(() => {
    dir = mkdtempSync('/run/cnikit-test-');
    pods = [];
  });
  afterEach(() => {
    // A namespace's links go some time after it, so the host ends go first and by name; one may take another with it.
    for (const name of hostVeths()) {
      if (ipJson('link').some((one) => one.ifname === name)) {
        run('ip', 'link', 'del', name);
      }
    }
    for (const made of pods) {
      made.remove();
    }
    for (const kind of ['bridge', 'ifb']) {
      for (const { ifname } of ipJson('link', 'show', 'type', kind)) {
        run('ip', 'link', 'del', ifname);
      }
    }
    run('nft', 'flush', 'ruleset');
    rmSync(dir, { recursive: true });
  });
  return {
    get dir() {
      return dir;
    },
    get pods() {
      return pods;
    },
    pod() {
      const made = makePod();
      pods.push(made);
      return made;
    },
    reservations: () =>
      existsSync(`${dir}/net`)
        ? readdirSync(`${dir}/net`).filter((name) => /^[0-9a-f]*[.:]/.test(name) && !name.startsWith('last_'))
        : [],
  };
}
