import { expect, expectTypeOf, test } from 'vitest';
import { payloadOf } from '../codec/bytes.ts';
import { decodeLink, newLink } from './link-of-kind.ts';
import type { Link } from './link-types.ts';
import type { OperState } from './names.ts';

const decoded = (spec: Parameters<typeof newLink>[0]): Link => decodeLink(payloadOf(newLink(spec).payload));

test('Link has the settings of its kind after a test of kind', () => {
  const link = decoded({ kind: 'vxlan', name: 'v0', id: 7, port: 4789 });
  if (link.kind !== 'vxlan') {
    throw new Error('not a vxlan');
  }
  expectTypeOf(link.vxlan.id).toEqualTypeOf<number>();
  expectTypeOf(link.bridge).toEqualTypeOf<undefined>();
  expect(link.vxlan.id).toBe(7);
});

test('Link of a kind without settings has an empty property of that kind', () => {
  const link = decoded({ kind: 'dummy', name: 'd0' });
  expect(link.kind === 'dummy' && link.dummy).toEqual({});
});

test('Link has operState, group and txQueueLength even when a message lacks them', () => {
  const link = decoded({ name: 'a0' });
  expectTypeOf(link.operState).toEqualTypeOf<OperState>();
  expect(link).toMatchObject({ operState: 'unknown', group: 0, txQueueLength: 0 });
});

test('newLink() sends `link` of a vxlan as the attribute of the kind only', () => {
  const link = decoded({ kind: 'vxlan', id: 7, link: 3 });
  expect([link.link, link.vxlan?.link]).toEqual([undefined, 3]);
  expect(decoded({ kind: 'vlan', id: 7, link: 3 })).toMatchObject({ link: 3, vlan: { id: 7 } });
});
