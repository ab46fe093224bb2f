#!/usr/bin/env node
/**
 * A complete CNI plugin. It moves one end of a veth pair into the container and assigns the addresses of the IPAM
 * plugin, if `ipam.type` names one. definePlugin and runPlugin handle the protocol.
 */
import { statSync } from 'node:fs';
import {
  type CheckedConfig,
  CniError,
  type Context,
  definePlugin,
  delegate,
  delegateIpamAdd,
  ErrorCode,
  type Result,
} from '@cnikit/cni-spec';
import { nodeDelegateIo as io, runPlugin } from '@cnikit/cni-spec/main';
import {
  delLink,
  newAddress,
  newRoute,
  openRtnetlink,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import { O_RDONLY, sys } from '@cnikit/sys';

type Call = Context<CheckedConfig>;

/** Exported for tests; a plugin needs no export. */
export const plugin = definePlugin<CheckedConfig>({
  about: 'Gives a container one end of a veth pair',
  add,
  del,
  check,
  gc: forward,
  status: forward,
});

if (import.meta.main) {
  runPlugin(plugin);
}

function add(call: Call): Result {
  const { netns, ifName, conf } = call;
  return within(netns, (rt) => {
    if (rt.link({ name: ifName })) {
      throw new CniError(ErrorCode.InvalidNetworkConfig, `Interface ${ifName} already exists`);
    }
    const ipam = conf.ipam?.type ? delegateIpamAdd(io, call, conf.ipam.type) : {};
    try {
      const host = addPair(netns, ifName);
      const { index, mac } = rt.link({ name: ifName })!;
      rt.batch([
        setLink({ index, up: true }),
        ...(ipam.ips ?? []).map(({ address }) => newAddress({ index, address, nodad: true })),
        ...(ipam.routes ?? []).map(({ dst, gw }) => newRoute({ dst, oif: index, via: gw })),
      ]);
      return {
        ...ipam,
        interfaces: [{ name: host }, { name: ifName, sandbox: netns, ...(mac ? { mac } : {}) }],
        ips: (ipam.ips ?? []).map((ip) => ({ ...ip, interface: 1 })),
      };
    } catch (error) {
      del({ ...call, command: 'DEL' });
      throw error;
    }
  });
}

/** Succeeds when the interface or its namespace does not exist. */
function del(call: Call): void {
  forward(call);
  if (!isNetns(call.netns)) {
    return;
  }
  within(call.netns, (rt) => {
    if (rt.link({ name: call.ifName })) {
      rt.request(delLink({ name: call.ifName }));
    }
  });
}

function check(call: Call): void {
  const { netns, ifName, prevResult } = call;
  if (!prevResult) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, 'CHECK requires prevResult');
  }
  forward(call);
  within(netns, (rt) => {
    const link = rt.link({ name: ifName });
    if (!link?.up) {
      throw new CniError(ErrorCode.Internal, `Interface ${ifName} is missing or down`);
    }
    const present = rt.addresses({ index: link.index }).map(({ address }) => address);
    for (const { address, interface: index } of prevResult.ips ?? []) {
      const own = index === undefined || prevResult.interfaces?.[index]?.name === ifName;
      if (own && !present.includes(address)) {
        throw new CniError(ErrorCode.Internal, `Address ${address} is missing`);
      }
    }
  });
}

function forward(call: Call): void {
  if (call.conf.ipam?.type) {
    delegate(io, call, call.conf.ipam.type);
  }
}

/** Creates the pair, with one end in the container. Returns the name that the kernel chose for the other end. */
function addPair(netns: string, ifName: string): string {
  const fd = sys.open(netns, O_RDONLY);
  const host = openRtnetlink();
  try {
    const link = host.createLink({ kind: 'veth', peer: { name: ifName, netns: fd } });
    if (!link) {
      throw new CniError(ErrorCode.Internal, 'Cannot get the name of the new link');
    }
    host.request(setLink({ index: link.index, up: true }));
    return link.name;
  } finally {
    host.close();
    sys.close(fd);
  }
}

function within<T>(netns: string, body: (rt: RtnetlinkConnection) => T): T {
  if (!isNetns(netns)) {
    throw new CniError(
      ErrorCode.InvalidNetNS,
      `CNI_NETNS ${JSON.stringify(netns)} is not a network namespace`,
    );
  }
  const rt = openRtnetlink({ netns });
  try {
    return body(rt);
  } finally {
    rt.close();
  }
}

/** Returns true for a file on nsfs, the file system of namespaces. */
function isNetns(path: string): boolean {
  const status = path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  return status?.dev === statSync('/proc/self/ns/net').dev;
}
