/** Setup of the tests on a real kernel. Each test gets its own network namespace. */
import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { afterEach, beforeEach, describe } from 'vitest';
import { openRtnetlink, type RtnetlinkConnection } from '../src/index.ts';

export const inSandbox = process.env.CNIKIT_SANDBOX === '1';

/** A suite that runs in the sandbox only; outside it is reported as skipped, with the reason in its title. */
export function live(title: string, body: () => void): void {
  describe.skipIf(!inSandbox)(
    `${title}${inSandbox ? '' : ' (needs the sandbox: run npm test at the root)'}`,
    body,
  );
}

/** Tests of optional kernel features: `npm run check:kernels` runs them on a kernel that has them all. */
export function liveOnFullKernel(title: string, body: () => void): void {
  const full = process.env.CNIKIT_FULL_KERNEL === '1';
  describe.skipIf(!inSandbox || !full)(`${title}${full ? '' : ' (run npm run check:kernels)'}`, body);
}

/** A connection in a fresh namespace for each test of the suite. */
export function freshRoute(): () => RtnetlinkConnection {
  let rt: RtnetlinkConnection;
  beforeEach(() => {
    sys.unshare(CLONE_NEWNET);
    rt = openRtnetlink();
  });
  afterEach(() => rt.close());
  return () => rt;
}

/** Runs a program in the calling thread's namespace; its output. */
export function run(command: string, input?: string): string {
  const { status, stdout, stderr } = sys.run(command.split(' '), { input });
  if (status !== 0) {
    throw new Error(`${command}: ${stderr}`);
  }
  return stdout;
}

// biome-ignore lint/suspicious/noExplicitAny: what ip prints has no types
export type Shown = any;

export const json = (command: string): Shown[] => JSON.parse(run(command));
