/** Statements that translate addresses. */
import { type Family, parseAddress } from '@cnikit/ip';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { portBytes } from './expr-parts.ts';
import { type Expression, NFT_REG_1, NFT_REG_2 } from './expression.ts';
import { constant } from './expression-encode.ts';

/** `masquerade`, in a nat chain of the hook postrouting. */
export const masquerade = (options: { flags?: number } = {}): Expression[] => [
  options.flags === undefined ? masqueraded : { name: 'masq', ...options },
];
const masqueraded: Expression = constant({ name: 'masq' });

const NFPROTO = { ipv4: 2, ipv6: 10 } as const;
const types = { snat: 0, dnat: 1 } as const;
const withPort = (type: keyof typeof types, family: Family): Expression =>
  constant({
    ...{ name: 'nat', type: types[type], family: NFPROTO[family] },
    ...{ addrMin: NFT_REG_1, protoMin: NFT_REG_2, flags: 2 /* NF_NAT_RANGE_PROTO_SPECIFIED */ },
  });
const destinationNats = { ipv4: withPort('dnat', 'ipv4'), ipv6: withPort('dnat', 'ipv6') };

/** `dnat to 10.0.0.2:80`, in a nat chain of the hook prerouting or output. */
export const dnat = (to: { address: string; port?: number }): Expression[] => translation('dnat', to);

/** `snat to 192.0.2.1`, in a nat chain of the hook postrouting or input. */
export const snat = (to: { address: string; port?: number }): Expression[] => translation('snat', to);

function translation(
  type: keyof typeof types,
  { address, port }: { address: string; port?: number },
): Expression[] {
  const bytes = parseAddress(address);
  if (bytes === undefined) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${JSON.stringify(address)} is not an IP address`);
  }
  const family = bytes.length === 4 ? 'ipv4' : 'ipv6';
  const target = { name: 'immediate', dreg: NFT_REG_1, data: bytes } as const;
  if (port === undefined) {
    return [target, { name: 'nat', type: types[type], family: NFPROTO[family], addrMin: NFT_REG_1 }];
  }
  return [
    target,
    { name: 'immediate', dreg: NFT_REG_2, data: portBytes(port) },
    type === 'dnat' ? destinationNats[family] : withPort(type, family),
  ];
}
