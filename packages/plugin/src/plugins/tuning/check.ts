import type { Context } from '@cnikit/cni-spec';
import type { Link } from '@cnikit/netlink';
import { IFF_ALLMULTI, IFF_PROMISC } from '@cnikit/netlink/constants';
import { type Sys, SysError, withNetns } from '@cnikit/sys';
import { reportDifferences, requiredPrevResult } from '../../attachment/check-state.ts';
import { openPodNamespace } from '../../netns/pod-namespace.ts';
import { normaliseSpace } from '../../netns/sysctl.ts';
import { podLink } from './link.ts';
import { type LinkTuning, type Tuning, type TuningSettings, tuningOf } from './settings.ts';

/** Runs CHECK: reports all sysctls and attributes that differ from the configuration. */
export function check(sys: Sys, context: Context<TuningSettings>): void {
  const { conf, ifName, netns, args } = context;
  requiredPrevResult(context);
  const { sysctl, link: wanted } = tuningOf(conf, args, ifName);
  const pod = openPodNamespace(sys, netns);
  try {
    reportDifferences(context, [
      ...sysctlDifferences(sys, netns, sysctl),
      ...linkDifferences(podLink(pod.route, ifName), wanted),
    ]);
  } finally {
    pod.close();
  }
}

function sysctlDifferences(sys: Sys, netns: string, sysctl: Tuning['sysctl']): string[] {
  if (sysctl.size === 0) {
    return [];
  }
  return withNetns(sys, netns, () =>
    [...sysctl].flatMap(([file, { key, value }]) => {
      const now = readSysctl(sys, file);
      return normaliseSpace(now) === normaliseSpace(value) ? [] : [`sysctl ${key} is ${now}, not ${value}`];
    }),
  );
}

function readSysctl(sys: Sys, file: string): string {
  try {
    return sys.readText(file).trim();
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    return `unreadable (${error.code})`;
  }
}

function linkDifferences(link: Link, wanted: LinkTuning): string[] {
  const has: Record<keyof LinkTuning, unknown> = {
    mac: link.mac,
    mtu: link.mtu,
    promisc: (link.flags & IFF_PROMISC) !== 0,
    allmulti: (link.flags & IFF_ALLMULTI) !== 0,
    txQLen: link.txQueueLength,
  };
  return (Object.keys(wanted) as (keyof LinkTuning)[])
    .filter((key) => has[key] !== wanted[key])
    .map((key) => `${key} of ${link.name} is ${has[key]}, not ${wanted[key]}`);
}
