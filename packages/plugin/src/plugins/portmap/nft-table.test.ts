import { expect, test } from 'vitest';
import { elementComment, type PortMapElement, parseElementComment } from './nft-table.ts';

test('parseElementComment() reads what elementComment() writes', () => {
  const elements: PortMapElement[] = [
    { map: 'any_ipv4', protocol: 'tcp', port: 8080, hostIP: undefined },
    { map: 'any_ipv6', protocol: 'udp', port: 0, hostIP: undefined },
    { map: 'one_ipv4', protocol: 'sctp', port: 65_535, hostIP: '192.0.2.1' },
    { map: 'one_ipv6', protocol: 'tcp', port: 53, hostIP: '2001:db8::1' },
  ];
  expect(elements.map((one) => parseElementComment(elementComment(one)))).toEqual(elements);
});

test('parseElementComment() reads the names of earlier versions', () => {
  expect(parseElementComment('any4 tcp 80')?.map).toBe('any_ipv4');
  expect(parseElementComment('ip6 tcp 80 2001:db8::1')?.map).toBe('one_ipv6');
});

test('parseElementComment() returns undefined for comments of other programs', () => {
  const others = [
    undefined,
    '',
    'any_ipv4',
    'any_ipv4 tcp',
    'any_ipv4 tcp ',
    'any_ipv4 tcp 80 ',
    ' any_ipv4 tcp 80',
    'any_ipv4 tcp 80 192.0.2.1 x',
    'any_ipv4 icmp 80',
    'any_ipv4 toString 80',
    'any_ipv9 tcp 80',
    'any_ipv4 tcp -80',
    'any_ipv4 tcp 0x50',
    'any_ipv4 tcp 080',
    'any_ipv4 tcp 1e3',
    'any_ipv4 tcp 80.5',
    'any_ipv4 tcp 65536',
  ];
  expect(others.filter((comment) => parseElementComment(comment) !== undefined)).toEqual([]);
});
