/** Finds whether ipvs takes packets to Services, and whether the rules see their replies. */
import { existsSync, readFileSync } from 'node:fs';
import { type Problem, problem } from '../core/problem.ts';

/** The node as far as ipvs is concerned. */
export interface IpvsFacts {
  exists(path: string): boolean;
  /** @throws {Error} when the file does not exist */
  read(path: string): string;
}

/** The kernel has it in each network namespace while module ip_vs is loaded. */
const SERVICES = '/proc/net/ip_vs';
/** The link that holds the addresses of the Services of kube-proxy in ipvs mode. */
const LINK = '/sys/class/net/kube-ipvs0';
const TRACKING = '/proc/sys/net/ipv4/vs/conntrack';

export const systemFacts: IpvsFacts = { exists: existsSync, read: (path) => readFileSync(path, 'utf8') };

/** Returns whether ipvs can send packets to pods through the output hook. */
export const hasIpvs = ({ exists }: Pick<IpvsFacts, 'exists'> = systemFacts): boolean => exists(SERVICES);

/** Without connection tracking, replies of a Service's pods are new connections for the rules. */
export function ipvsProblems({ exists, read }: IpvsFacts = systemFacts): Problem[] {
  return exists(SERVICES) && exists(LINK) && read(TRACKING).trim() === '0'
    ? [
        problem(
          'policy-ipvs',
          '',
          'kube-proxy runs in ipvs mode and net.ipv4.vs.conntrack is 0: policies judge the replies of Services as new connections, and deny them where pods are isolated',
        ),
      ]
    : [];
}
