/**
 * Correct plugins that complement the minimal one: one that creates an interface and assigns addresses, one that only
 * assigns addresses, and a chained one. The suite finds only the faults that a test adds.
 */
import {
  type CheckedConfig,
  CniError,
  type Context,
  capability,
  definePlugin,
  ErrorCode,
  type Plugin,
  type Result,
} from '@cnikit/cni-spec';
import { Ipam, parseIpamConfig } from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import { newAddress, newRoute, openRtnetlink, setLink } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';
import { plugin as minimal } from '../../../examples/minimal-plugin/minimal-plugin.ts';

type Call = Context<CheckedConfig>;

const conf = {
  ipam: { type: 'built-in', ranges: [[{ subnet: '10.99.0.0/26' }]] },
  capabilities: { mac: true, ips: true, ipRanges: true, dns: true },
};

/** Plugins by name, each with its configuration. */
export const bases: Record<string, { plugin: Plugin<CheckedConfig>; conf: object }> = {
  minimal: { plugin: minimal, conf: {} },
  delegating: { plugin: minimal, conf: { ipam: { type: 'fixed' } } },
  complete: {
    plugin: definePlugin<CheckedConfig>({
      about: 'Creates an interface and assigns addresses',
      add: addInterface,
      del(call) {
        pool(call).ipam.del(ownerOf(call));
        minimal.del!(bare(call));
      },
      check(call) {
        minimal.check!(bare(call));
        pool(call).ipam.check(ownerOf(call));
        const rt = openRtnetlink({ netns: call.netns });
        const present = rt.routes().map(({ dst }) => dst);
        rt.close();
        for (const { dst } of pool(call).routes) {
          if (!present.includes(dst)) {
            throw new CniError(ErrorCode.Internal, `Route ${dst} is missing`);
          }
        }
      },
      gc,
      status,
    }),
    conf,
  },
  pool: {
    plugin: definePlugin<CheckedConfig>({
      about: 'Assigns addresses',
      add: addAddresses,
      del: (call) => void pool(call).ipam.del(ownerOf(call)),
      check: (call) => pool(call).ipam.check(ownerOf(call)),
      gc,
      status,
    }),
    conf,
  },
  chained: {
    plugin: definePlugin<CheckedConfig>({
      about: 'Validates capability arguments',
      add: ({ prevResult, conf: config }) => {
        if (!prevResult) {
          throw new CniError(ErrorCode.InvalidNetworkConfig, 'Requires prevResult');
        }
        for (const name of ['portMappings', 'bandwidth'] as const) {
          capability(config, name);
        }
        return prevResult;
      },
    }),
    conf: { capabilities: { portMappings: true, bandwidth: true } },
  },
};

const ownerOf = ({ containerID, ifName }: Call) => ({ containerID, ifName });
const bare = (call: Call): Call => ({ ...call, conf: { ...call.conf, ipam: undefined } as never });

function pool({ conf: config, args }: Call) {
  if (config.ipam?.type !== 'built-in') {
    throw new CniError(ErrorCode.InvalidNetworkConfig, `IPAM plugin ${config.ipam?.type} does not exist`);
  }
  const { rangeSets, requested, routes } = parseIpamConfig(config, { args, knownArgs: ['MAC'] });
  const store = fileStore({ sys, dir: `/run/complete/${config.name}` });
  return { ipam: new Ipam({ rangeSets, store }), requested, routes };
}

function addAddresses(call: Call): Result {
  const { ipam, requested, routes } = pool(call);
  return { ...ipam.add({ ...ownerOf(call), requested }), routes };
}

function addInterface(call: Call): Result {
  const { conf: config, args, netns, ifName } = call;
  const { cni } = (config.args ?? {}) as { cni?: { mac?: string } };
  const mac = capability(config, 'mac') ?? cni?.mac ?? args.MAC;
  const dns = capability(config, 'dns');
  const made = minimal.add!(bare(call));
  try {
    const { ips = [], routes = [] } = addAddresses(call);
    const rt = openRtnetlink({ netns });
    const { index } = rt.link({ name: ifName })!;
    rt.batch([
      setLink({ index, up: true, ...(mac ? { mac } : {}) }),
      ...ips.map(({ address }) => newAddress({ index, address, nodad: true })),
      ...routes.map(({ dst }) => newRoute({ dst, oif: index })),
    ]);
    rt.close();
    const given = dns && { nameservers: dns.servers, search: dns.searches, options: dns.options };
    return {
      ...made,
      interfaces: made.interfaces!.map((one) => (one.sandbox && mac ? { ...one, mac } : one)),
      ips: ips.map((ip) => ({ ...ip, interface: 1 })),
      routes,
      ...(given ? { dns: given as NonNullable<Result['dns']> } : {}),
    };
  } catch (error) {
    minimal.del!(bare(call));
    throw error;
  }
}

function gc(call: Call): void {
  const { validAttachments: valid } = call;
  if (valid) {
    pool(call).ipam.gc(valid.map(({ containerID, ifname }) => ({ containerID, ifName: ifname })));
  }
}

function status(call: Call): void {
  if (pool(call).ipam.status().full) {
    throw new CniError(50, 'No address is left');
  }
}
