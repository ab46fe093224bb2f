import { newNeighbour, newRoute, type Request } from '@cnikit/netlink';
import { expect, test } from 'vitest';
import { bringUp } from './link-local.ts';
import { perLink } from './per-link.ts';

const mac = '02:63:6e:69:6b:69';

test.each([1, 3, 0x7fffffff])(
  'perLink() makes the requests that its function makes for link #%i',
  (index) => {
    const make = (of: number) => [
      ...bringUp(of, mac, { forwarding: 1 }),
      newNeighbour({ index: of, address: '169.254.1.1', mac }),
      newRoute({ dst: '::/0', via: 'fe80::1', oif: of }),
    ];
    const parts = ({ type, flags, payload, describe }: Request) => ({ type, flags, payload, describe });
    expect(perLink(make)(index).map(parts)).toEqual(make(index).map(parts));
  },
);

test('perLink() makes independent requests', () => {
  const make = perLink((index) => bringUp(index, undefined));
  const [first, second] = [make(3)[0], make(4)[0]];
  expect([first?.payload[4], second?.payload[4]]).toEqual([3, 4]);
});
