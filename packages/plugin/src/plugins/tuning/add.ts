import { CniError, type Context, ErrorCode, type Result } from '@cnikit/cni-spec';
import { O_WRONLY, type Sys, SysError, withNetns } from '@cnikit/sys';
import { requiredPrevResult } from '../../attachment/check-state.ts';
import { ndiscNotify } from '../../links/announce.ts';
import { openPodNamespace } from '../../netns/pod-namespace.ts';
import { assertAllowed } from './allowlist.ts';
import { readBackup, removeBackup, saveBackup } from './backup.ts';
import { podLink, tuneLink } from './link.ts';
import { assertNoRepeatedSysctls, type LinkTuning, type TuningSettings, tuningOf } from './settings.ts';

/** Runs ADD: sets sysctls in the pod's namespace, then attributes of its interface. Returns the updated result. */
export function add(sys: Sys, context: Context<TuningSettings>): Result {
  const { conf, containerID, ifName, netns, args, stdin } = context;
  const { sysctl, link: changes } = tuningOf(conf, args, ifName);
  assertNoRepeatedSysctls(stdin);
  const prevResult = requiredPrevResult(context);
  assertAllowed(
    sys,
    [...sysctl.values()].map(({ key }) => key),
  );
  const pod = openPodNamespace(sys, netns);
  try {
    if (sysctl.size > 0 || changes.mac !== undefined) {
      withNetns(sys, netns, () => {
        if (changes.mac !== undefined) {
          ndiscNotify(sys, ifName);
        }
        for (const [file, { value }] of sysctl) {
          setSysctl(sys, file, value);
        }
      });
    }
    if (Object.keys(changes).length === 0) {
      return prevResult;
    }
    const place = { dataDir: conf.dataDir, network: conf.raw.name, containerID, ifName };
    const link = podLink(pod.route, ifName);
    try {
      saveBackup(sys, place, link, changes);
      tuneLink(pod.route, link.index, changes);
    } catch (error) {
      // The kernel may have set some attributes before it refused the others.
      tuneLink(pod.route, link.index, readBackup(sys, place) ?? {});
      removeBackup(sys, place);
      throw error;
    }
    return updated(prevResult, ifName, changes);
  } finally {
    pod.close();
  }
}

function setSysctl(sys: Sys, file: string, value: string): void {
  try {
    sys.writeText(file, value, { flags: O_WRONLY });
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    const why = error.code === 'ENOENT' ? 'the kernel has no such sysctl' : error.code;
    throw new CniError(ErrorCode.IOFailure, `Cannot set sysctl ${file} to ${value}`, why);
  }
}

/** Updates the interface in the result, because later plugins and CHECK compare with it. */
function updated(prevResult: Result, ifName: string, { mac, mtu }: LinkTuning): Result {
  const interfaces = (prevResult.interfaces ?? []).map((one) => {
    if (one.name !== ifName) {
      return one;
    }
    return {
      ...one,
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined || one.mtu === undefined ? {} : { mtu }),
    };
  });
  return interfaces.length > 0 ? { ...prevResult, interfaces } : prevResult;
}
