import { type CheckedConfig, capability } from '@cnikit/cni-spec';
import { cniArgs } from '../attachment/cni-args.ts';
import { hostVethPrefix } from '../links/names.ts';
import type { MasqueradeSettings } from '../nat/masquerade.ts';
import type { NatBackend } from '../nat/nftables.ts';
import { type BridgeSettings, usesVlans } from '../plugins/bridge/settings.ts';
import type { PtpSettings } from '../plugins/ptp/settings.ts';
import { ANNOTATION, type RoutedSettings } from '../plugins/routed/foreign-sources.ts';
import { explainAddresses } from './explain-ipam.ts';

/** Describes ADD for a pod on a bridge. */
export function explainBridge(conf: BridgeSettings): string[] {
  const { bridge, raw } = conf;
  return [
    `Creates the bridge ${bridge} if it is missing and brings it up${listed([
      conf.promiscMode && 'promiscuous',
      usesVlans(conf) && 'filtering VLANs',
    ])}.`,
    `Creates a veth pair${mtuText(conf.mtu)}: the pod's end is CNI_IFNAME${macText(raw, conf.macFromAddress && Boolean(raw.ipam?.type))}, the node's end ${hostVethPrefix(conf.network)}… a port of ${bridge}${listed(
      [
        conf.hairpinMode && 'with hairpin mode',
        conf.portIsolation && 'isolated from other such ports',
        conf.macspoofchk && 'accepting only frames from its MAC address',
        conf.vlan > 0 && `in VLAN ${conf.vlan}`,
        conf.vlanTrunk.length > 0 && `VLANs ${conf.vlanTrunk.map(rangeText).join(', ')} pass tagged`,
      ],
    )}.`,
    ...(conf.disableContainerInterface
      ? ['Leaves its end down.']
      : [
          ...explainAddresses(raw),
          ...explainMasquerade(conf),
          ...explainGateway(conf),
          ...(conf.routerSolicitations ? [] : ['Keeps the pod from soliciting routers.']),
        ]),
    ...explainDns(raw),
  ];
}

function explainGateway(conf: BridgeSettings): string[] {
  if (!conf.isGateway || !conf.raw.ipam?.type) {
    return [];
  }
  const holder = conf.vlan > 0 ? `${conf.bridge}.${conf.vlan}, the node's end in the VLAN` : conf.bridge;
  return [
    `Gives ${holder} the gateway's address of each range${conf.forceAddress ? ', in place of any other' : ', and fails when it has another'}.`,
    'Has the node forward packets of these families.',
    ...(conf.isDefaultGateway
      ? ['Gives the pod a default route via the gateway, unless IPAM has given one.']
      : []),
    ...(conf.enabledad ? ['Waits until duplicate address detection has passed for its IPv6 addresses.'] : []),
  ];
}

/** Describes ADD for a pod of the layout `routed`. */
export function explainRouted(conf: RoutedSettings): string[] {
  const { foreignSourceNamespaces: namespaces } = conf;
  return [
    `Creates a veth pair${mtuText(conf.mtu)}: the pod's end is CNI_IFNAME${macText(conf.raw)}, the node's end ${hostVethPrefix(conf.network)}…, a port of no bridge.`,
    ...explainAddresses(conf.raw),
    ...explainMasquerade(conf),
    "Routes the pod's addresses to its link, and all that the pod sends by the node, without ARP.",
    'Drops packets of the pod with another source address.',
    ...(namespaces.length === 0
      ? []
      : [
          `Passes them from a pod of namespace ${namespaces.join(', ')} whose annotation ${ANNOTATION} is "true".`,
        ]),
    `Has the bridge ${conf.bridge}, where earlier pods are on one, answer for the pod's addresses.`,
    'Has the node forward packets of these families.',
    ...explainDns(conf.raw),
  ];
}

/** Describes ADD for a pod with its own link. */
export function explainPtp(conf: PtpSettings): string[] {
  return [
    `Creates a veth pair${mtuText(conf.mtu)}: the pod's end is CNI_IFNAME, the node's end ${hostVethPrefix(conf.network)}…`,
    ...explainAddresses(conf.raw),
    ...explainMasquerade(conf),
    "Routes the pod's addresses to its link, and all that the pod sends by the node.",
    'Has the node forward packets of these families.',
    ...explainDns(conf.raw),
  ];
}

function explainMasquerade({ ipMasq, ipMasqBackend }: MasqueradeSettings): string[] {
  if (!ipMasq) {
    return [];
  }
  const how = backendText(ipMasqBackend);
  return [
    `Has what the pod sends beyond its own subnets leave the node with the node's address, by ${how}.`,
    ...(ipMasqBackend === 'iptables'
      ? []
      : [`Exemptions in iptables' POSTROUTING, as for IPsec, need "ipMasqBackend": "iptables".`]),
  ];
}

/** Names the rules of a backend. */
export function backendText(backend: NatBackend): string {
  return backend === undefined
    ? 'nftables, or iptables where the kernel has no nftables'
    : `${backend}${backend === 'nftables' ? ", in upstream's tables" : ''}`;
}

function explainDns({ dns }: CheckedConfig): string[] {
  if (dns === undefined) {
    return [];
  }
  const { nameservers = [], search = [] } = dns;
  return [
    `Returns to the runtime the DNS servers ${nameservers.join(', ') || '(none)'}${search.length > 0 ? ` and the search list ${search.join(' ')}` : ''}.`,
  ];
}

function macText(raw: CheckedConfig, isFromAddress = false): string {
  const ofArgs = cniArgs(raw).mac;
  const mac = capability(raw, 'mac') ?? (typeof ofArgs === 'string' ? ofArgs : undefined);
  if (mac) {
    return ` with MAC address ${mac}`;
  }
  return isFromAddress ? ' with a MAC address that follows from its address' : '';
}

const mtuText = (mtu: number): string => (mtu > 0 ? ` with MTU ${mtu}` : '');
const listed = (parts: readonly (string | false)[]): string =>
  parts
    .filter((part) => part !== false)
    .map((part) => `, ${part}`)
    .join('');
const rangeText = ({ first, last }: { first: number; last: number }): string =>
  first === last ? `${first}` : `${first} to ${last}`;
