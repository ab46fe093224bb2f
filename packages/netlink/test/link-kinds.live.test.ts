/** Each kind of link: a decoded link is deleted and made again from what was decoded. */
import { expect, test } from 'vitest';
import * as nl from '../src/index.ts';
import { COMMON_KINDS, FULL_KINDS } from './link-kinds.ts';
import { freshRoute, live, liveOnFullKernel, run } from './live.ts';

/** Returns the link without state that changes by itself. */
function settings(link: nl.Link): object {
  const { index, name, mtu, mac, group, txQueueLength, kind, link: lower } = link;
  const own = { ...(kind === undefined ? {} : (link as unknown as Record<string, object>)[kind]) };
  // The ID of a bridge follows from its MAC address only once that has been set.
  const kept = Object.fromEntries(
    Object.entries(own).filter(([key]) => !/Timer$|^(root|bridge)Id$/.test(key)),
  );
  const isPair = kind === 'veth' || kind === 'netkit';
  return { index, name, mtu, mac, group, txQueueLength, kind, kept, ...(isPair ? {} : { lower }) };
}

function suite(route: () => nl.RtnetlinkConnection, commands: readonly string[]): void {
  test.each(commands)('newLink() takes the decoded link of `ip link add x0 %s`', (words) => {
    const rt = route();
    run('ip link add below type veth peer name other');
    run(`ip link add name x0 ${words}`);
    const made = rt.link({ name: 'x0' })!;
    expect(words).toContain(`type ${made.kind}`);
    expect((made as unknown as Record<string, { unknown?: unknown }>)[made.kind!]?.unknown).toBeUndefined();
    rt.request(nl.delLink({ index: made.index }));
    rt.request(nl.newLink(made as nl.LinkSpec));
    expect(settings(rt.link({ index: made.index })!)).toEqual(settings(made));
  });
}

live('links given back', () => suite(freshRoute(), COMMON_KINDS));
liveOnFullKernel('links given back on a full kernel', () => suite(freshRoute(), FULL_KINDS));

test('newLink() refuses a decoded link whose kind has settings without a field, and names them', () => {
  const unknown = [{ type: 99, nested: false, data: new Uint8Array(1) }];
  const decoded = { kind: 'vxlan', vxlan: { id: 5, unknown } } as unknown as nl.LinkSpec;
  expect(() => nl.newLink(decoded)).toThrow(/vxlan has attributes that cannot be encoded: number 99/);
});
