import { type Bed, machinesOf } from './bed.ts';
import { waitFor } from './wait.ts';

/** Ends the API server, has `body` done, and starts it again; comes back when it answers. */
export async function withoutApiServer(bed: Bed, body: () => Promise<void>): Promise<void> {
  const machines = machinesOf(bed);
  // By SIGTERM it would wait a minute for its watches.
  machines.stop('cp', 'kube-apiserver', 'KILL');
  try {
    await body();
  } finally {
    machines.resume('cp', 'kube-apiserver');
  }
  await waitFor('the API server to answer', () => {
    try {
      return bed.cluster.kubectl('get', '--raw', '/readyz') === 'ok' ? true : undefined;
    } catch {
      return undefined;
    }
  });
}
