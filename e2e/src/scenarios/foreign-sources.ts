import { nodeNames } from '../cluster.ts';
import { type Context, onNode, type Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { inNamespaceOf, type PodProgram, startProgram } from '../pod-program.ts';
import { inNamespace, PORT, type Pod, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { withArguments } from './install.ts';

const LISTED = 'e2e-foreign';
const UNLISTED = 'e2e-not-listed';
const ASKING = { 'cnikit.io/foreign-source-addresses': 'true' };
/** Addresses of no pod, no node and no link. */
const FOREIGN = { 4: '10.8.0.7', 6: 'fd08::7' } as const;

export const foreignSources: Scenario = {
  title:
    'a pod sends from foreign addresses if it has the annotation and --foreign-source-namespaces lists its namespace',
  needs: ['machines', 'patches of kustomize'],
  manifests: (context) =>
    withArguments(context, 'deploy/base', 'deploy-foreign', `--foreign-source-namespaces=${LISTED}`),
  async run(context) {
    const { cluster } = context;
    const [node, other] = nodeNames(cluster);
    const gateway = { name: 'gateway', node, annotations: ASKING };
    return await leavingNothing(context, LISTED, async () => {
      const [receiver, listed, plain] = (await startPods(
        cluster,
        [{ name: 'receiver', node: other }, gateway, { name: 'plain', node }],
        LISTED,
      )) as [Pod, Pod, Pod];
      return await inNamespace(cluster, UNLISTED, async () => {
        const [unlisted] = (await startPods(cluster, [gateway], UNLISTED)) as [Pod];
        const arrivals = startProgram(context, receiver, 'datagrams', String(PORT));
        try {
          await waitFor('the receiver to listen', () =>
            arrivals.lines().includes('ready') ? true : undefined,
          );
          for (const [index, to] of receiver.ips.entries()) {
            for (const [from, passes] of [
              [listed, true],
              [plain, false],
              [unlisted, false],
            ] as const) {
              await sends(context, { from, own: from.ips[index]!, to, arrivals, passes });
            }
          }
          return receiver.ips.map(foreignLike).join(' and ');
        } finally {
          arrivals.end();
        }
      });
    });
  },
};

const foreignLike = (ip: string): string => FOREIGN[ip.includes(':') ? 6 : 4];

interface Attempt {
  from: Pod;
  /** Address of the sender that has the receiver's family. */
  own: string;
  to: string;
  arrivals: PodProgram;
  /** Expected: datagrams with a foreign source address arrive. */
  passes: boolean;
}

/**
 * Sends from a foreign address and then from the pod's own one, until the latter arrives.
 *
 * @throws {Error} when the datagrams from the foreign address arrive and should not, or the reverse
 */
async function sends(context: Context, { from, own, to, arrivals, passes }: Attempt): Promise<void> {
  const foreign = foreignLike(to);
  const family = to.includes(':') ? 6 : 4;
  const text = `${from.namespace}/${from.name}`;
  const inPod = (...argv: string[]) => onNode(context, from.node, ...inNamespaceOf(context, from), ...argv);
  const send = (source: string) => {
    const [bind, target] = family === 6 ? [`[${source}]`, `[${to}]`] : [source, to];
    inPod(
      'sh',
      '-c',
      'printf %s "$0" | socat -u - "$1"',
      text,
      `UDP${family}-SENDTO:${target}:${PORT},bind=${bind}`,
    );
  };
  const has = (source: string) => arrivals.lines().includes(`${source} ${text}`);
  // Without duplicate address detection, the address is usable at once.
  inPod('ip', 'address', 'add', foreign, 'dev', 'eth0', ...(family === 6 ? ['nodad'] : []));
  await waitFor(
    `datagrams of ${text} from ${passes ? `${foreign} and ` : ''}${own}`,
    () => {
      send(foreign);
      send(own);
      return has(own) && (has(foreign) || !passes) ? true : undefined;
    },
    () => arrivals.lines().join('\n'),
  );
  if (has(foreign) !== passes) {
    throw new Error(`A datagram of ${text} with the source address ${foreign} arrived at ${to}`);
  }
}
