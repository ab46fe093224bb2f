/** Fixtures of a test on the node, removed after it. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach } from 'vitest';
import { deleteLinks, makePod, type Pod } from './namespaces.ts';
import { flushRuleset } from './nat-state.ts';

export interface Scratch {
  /** A private folder for state and files. */
  readonly dir: string;
  /** Pods created so far. */
  readonly pods: readonly Pod[];
  /** Creates a pod. */
  pod(): Pod;
  /** Reservation files of network `net` below {@link dir}, including incomplete ones. */
  reservations(): string[];
}

/** Gives each test of a suite an empty folder, and removes its pods, links and rules afterwards. */
export function scratch(): Scratch {
  let dir: string;
  let pods: Pod[];
  beforeEach(() => {
    dir = mkdtempSync('/run/cnikit-test-');
    pods = [];
  });
  afterEach(() => {
    // The kernel removes a namespace's links asynchronously, so delete the host ends first.
    deleteLinks('veth', 'bridge', 'ifb');
    for (const made of pods) {
      made.remove();
    }
    flushRuleset();
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
