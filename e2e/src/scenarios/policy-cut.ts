import { nodeNames } from '../cluster.ts';
import type { Context, Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { type PodProgram, startProgram } from '../pod-program.ts';
import { PORT, type Pod, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { POLICY_OVERLAY, withArguments } from './install.ts';
import { applyPolicy } from './network-policy.ts';

const ECHO_PORT = PORT + 1;
const FROM_ALLOWED = {
  podSelector: { matchLabels: { app: 'server' } },
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'allowed' } } }], ports: [{ port: ECHO_PORT }] }],
};

export const policyCut: Scenario = {
  title:
    '--policy-established=cut resets the TCP connections that a new policy denies, and those that it allows go on',
  needs: ['machines', 'patches of kustomize'],
  manifests: (context) =>
    withArguments(context, POLICY_OVERLAY, 'deploy-policy-cut', '--policy-established=cut'),
  async run(context) {
    const { cluster } = context;
    const [node, other] = nodeNames(cluster);
    return await leavingNothing(context, 'e2e-policy-cut', async (namespace) => {
      const [server, allowed, denied] = (await startPods(
        cluster,
        [
          { name: 'server', node: other, labels: { app: 'server' } },
          { name: 'allowed', node, labels: { app: 'allowed' } },
          { name: 'denied', node, labels: { app: 'denied' } },
        ],
        namespace,
      )) as [Pod, Pod, Pod];
      await whileConnected(context, server, [allowed, denied], (ofAllowed, ofDenied) =>
        cuts(server.ips, ofAllowed, ofDenied, () =>
          applyPolicy(cluster, namespace, 'from-allowed', FROM_ALLOWED),
        ),
      );
      return server.ips.join(' and ');
    });
  },
};

/** Runs `body` while clients hold connections to all addresses of the server. */
async function whileConnected(
  context: Context,
  server: Pod,
  [allowed, denied]: readonly [Pod, Pod],
  body: (allowed: PodProgram, denied: PodProgram) => Promise<void>,
): Promise<void> {
  const running: PodProgram[] = [];
  const start = (...argv: [pod: Pod, program: string, ...args: string[]]): PodProgram => {
    const program = startProgram(context, ...argv);
    running.push(program);
    return program;
  };
  const port = String(ECHO_PORT);
  try {
    const echo = start(server, 'echo-server', port);
    await waitFor('the server to listen', () => (echo.lines().includes('ready') ? true : undefined));
    await body(
      start(allowed, 'echo-client', port, ...server.ips),
      start(denied, 'echo-client', port, ...server.ips),
    );
  } finally {
    for (const program of running) {
      program.end();
    }
  }
}

/** @throws {Error} when `deny` leaves a denied connection or ends an allowed one */
async function cuts(
  ips: readonly string[],
  allowed: PodProgram,
  denied: PodProgram,
  deny: () => void,
): Promise<void> {
  const answers = (client: PodProgram, ip: string) =>
    client.lines().filter((line) => line === `${ip} answered`).length;
  const printed = () => JSON.stringify([allowed.lines().slice(-6), denied.lines().slice(-6)]);
  const all = (what: string, accept: (ip: string) => boolean) =>
    waitFor(what, () => (ips.every(accept) ? true : undefined), printed);

  await all('every connection to be answered', (ip) => answers(allowed, ip) > 0 && answers(denied, ip) > 0);
  deny();
  await all('a reset of the denied connections', (ip) => denied.lines().includes(`${ip} ended ECONNRESET`));
  const before = new Map(ips.map((ip) => [ip, answers(allowed, ip)]));
  await all('the allowed connections to go on', (ip) => answers(allowed, ip) > before.get(ip)! + 1);
  for (const ip of ips) {
    const after = denied.lines().slice(denied.lines().indexOf(`${ip} ended ECONNRESET`));
    if (allowed.lines().some((line) => line.includes(' ended ')) || after.includes(`${ip} answered`)) {
      throw new Error(`An allowed connection ended, or a denied one began: ${printed()}`);
    }
  }
}
