import { type Context, machinesOf } from './context.ts';
import { waitFor } from './wait.ts';

/** Kills the API server, runs `body`, starts the server again, and waits until it answers. */
export async function withoutApiServer(context: Context, body: () => Promise<void>): Promise<void> {
  const machines = machinesOf(context);
  // On SIGTERM it would wait a minute for its watches.
  machines.stop('cp', 'kube-apiserver', 'KILL');
  try {
    await body();
  } finally {
    machines.resume('cp', 'kube-apiserver');
  }
  await waitFor('the API server to answer', () => {
    try {
      return context.cluster.kubectl('get', '--raw', '/readyz') === 'ok' ? true : undefined;
    } catch {
      return undefined;
    }
  });
}
