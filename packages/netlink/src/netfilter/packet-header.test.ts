import { expect, test } from 'vitest';
import { packetHeader } from './packet-header.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const IPV4 = (protocol: string, fragment = '0000') =>
  `4500 0030 0000 ${fragment} 40${protocol} 0000 0a000001 0a000002`;
const IPV6 = (next: string) =>
  `6000 0000 0010 ${next} 40 ${'fd00'.padEnd(31, '0')}1 ${'fd00'.padEnd(31, '0')}2`;
const PORTS = '03e8 1538';

test.each([
  ['TCP over IPv4', IPV4('06') + PORTS, { protocol: 6, sourcePort: 1000, destinationPort: 5432 }],
  ['options of IPv4', `46${IPV4('11').slice(2)} 01010101 ${PORTS}`, { protocol: 17, destinationPort: 5432 }],
  ['ICMP without ports', IPV4('01') + PORTS, { protocol: 1 }],
  ['a later fragment of IPv4', IPV4('06', '0010') + PORTS, { protocol: 6 }],
  ['ports that the copy lacks', IPV4('06'), { protocol: 6 }],
])('packetHeader() reads %s', (_, hex, expected) => {
  const header = packetHeader(bytes(hex));
  expect(header).toMatchObject({ source: '10.0.0.1', destination: '10.0.0.2', ...expected });
  expect(header?.destinationPort).toBe((expected as { destinationPort?: number }).destinationPort);
});

test.each([
  ['UDP over IPv6', IPV6('11') + PORTS, { protocol: 17, sourcePort: 1000, destinationPort: 5432 }],
  [
    'extension headers',
    `${IPV6('00')} 3c00000000000000 0600000000000000 ${PORTS}`,
    { protocol: 6, destinationPort: 5432 },
  ],
  ['a header without payload', IPV6('06'), { protocol: 6 }],
  ['an extension header without payload', `${IPV6('00')} 0600000000000000`, { protocol: 6 }],
  ['a payload', `${IPV6('11')} ${PORTS} ${'00'.repeat(8)}`, { protocol: 17, destinationPort: 5432 }],
  [
    'an extension header of 16 bytes',
    `${IPV6('00')} 06010000000000000000000000000000 ${PORTS} ${'00'.repeat(16)}`,
    { protocol: 6, destinationPort: 5432 },
  ],
  [
    'an authentication header',
    `${IPV6('33')} 0601000000000000 00000000 ${PORTS}`,
    { protocol: 6, destinationPort: 5432 },
  ],
  ['the first fragment', `${IPV6('2c')} 0600000100000001 ${PORTS}`, { protocol: 6, destinationPort: 5432 }],
  ['a later fragment', `${IPV6('2c')} 0600000800000001 ${PORTS}`, { protocol: 6 }],
])('packetHeader() reads %s of IPv6', (_, hex, expected) => {
  const header = packetHeader(bytes(hex));
  expect(header).toMatchObject({ source: 'fd00::1', destination: 'fd00::2', ...expected });
  expect(header?.destinationPort).toBe((expected as { destinationPort?: number }).destinationPort);
});

test.each(['', '45', '6000', `${'00'.repeat(40)}`])('packetHeader() returns undefined for %j', (hex) => {
  expect(packetHeader(bytes(hex))).toBeUndefined();
});
