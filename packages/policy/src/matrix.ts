import type { Pod } from './api.ts';
import { checkCluster, checkEnd, checkKeys, checkList, checkService } from './arguments.ts';
import type { Cluster } from './cluster.ts';
import { decide, type Protocol } from './decide.ts';
import { findEndpoint, shareFamily } from './endpoints.ts';
import { podName } from './names.ts';
import { podsOfPolicies } from './selection.ts';

/** Protocol and port of a connection. */
export interface Service {
  protocol: Protocol;
  port?: number | undefined;
}

/** Which of a list of endpoints reach which others. */
export interface Matrix {
  endpoints: readonly string[];
  /** Answers by source, then destination. `undefined` from an endpoint to itself, between addresses, and between families. */
  cells: readonly (readonly (readonly boolean[] | undefined)[])[];
}

/** What {@link matrix} asks. */
export interface MatrixQuestion {
  /** Pods as `namespace/name`, or IP addresses. Default: all pods, without those of the node's network. */
  endpoints?: readonly string[] | undefined;
  /** Default: the ports that the containers of each destination declare, else TCP 80. */
  services?: readonly Service[] | undefined;
}

/**
 * Asks {@link decide} for each pair of endpoints.
 *
 * @throws {EndpointError} when an endpoint does not exist or has finished
 * @throws {ArgumentError} when an argument has another type or an unknown key
 */
export function matrix(cluster: Cluster, question: MatrixQuestion = {}): Matrix {
  checkCluster(cluster);
  checkKeys('question', question, ['endpoints', 'services']);
  const { endpoints, services } = question;
  checkList('endpoints', endpoints ?? []);
  checkList('services', services ?? []);
  for (const { protocol, port } of services ?? []) {
    checkService(protocol, port);
  }
  const pods = new Map(cluster.pods.map((pod) => [podName(pod), pod] as const));
  const all = endpoints ?? podsOfPolicies(cluster).map(podName);
  all.forEach(checkEnd);
  const ends = all.map((name) => ({ name, pod: pods.get(name), at: findEndpoint(cluster, name) }));
  const cells = ends.map((from) =>
    ends.map((to) =>
      from === to || (!from.pod && !to.pod) || !shareFamily(from.at, to.at)
        ? undefined
        : (services ?? declaredServices(to.pod)).map(
            ({ protocol, port }) => decide(cluster, from.name, to.name, protocol, port).allowed,
          ),
    ),
  );
  return { endpoints: all, cells };
}

function declaredServices(pod: Pod | undefined): Service[] {
  const declared = (pod?.spec.containers ?? []).flatMap(({ ports = [] }) =>
    ports.map(({ protocol = 'TCP', containerPort }) => ({ protocol, port: containerPort })),
  );
  return declared.length > 0 ? declared : [{ protocol: 'TCP', port: 80 }];
}

/**
 * Draws a matrix as text, sources in rows. Each cell has one sign: `#` every service is reachable, `.` none, `+` some.
 * With `perService`, a cell has one sign for each service.
 *
 * @throws {ArgumentError} when an option is unknown
 */
export function formatMatrix(
  { endpoints, cells }: Matrix,
  options: { perService?: boolean | undefined } = {},
): string {
  checkKeys('options', options, ['perService']);
  const { perService = false } = options;
  const rows = cells.map((row) => row.map((cell) => (perService ? signs(cell) : sign(cell))));
  const width = Math.max(String(endpoints.length).length, ...rows.flat().map((cell) => cell.length));
  const names = endpoints.map((name, index) => `${name} ${index + 1}`);
  const first = Math.max(0, ...names.map((name) => name.length));
  const line = (head: string, texts: readonly string[]) =>
    [head.padStart(first), ...texts.map((text) => text.padStart(width))].join(' ').trimEnd();
  return [
    line(
      '',
      endpoints.map((_, index) => String(index + 1)),
    ),
    ...rows.map((row, index) => line(names[index]!, row)),
  ].join('\n');
}

function sign(cell: readonly boolean[] | undefined): string {
  if (!cell) {
    return '-';
  }
  return cell.every(Boolean) ? '#' : cell.some(Boolean) ? '+' : '.';
}

function signs(cell: readonly boolean[] | undefined): string {
  return cell ? cell.map((allowed) => (allowed ? '#' : '.')).join('') : '-';
}
