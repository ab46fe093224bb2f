import { skip } from '../outcome.ts';
import type { Subject } from '../subject.ts';

/** Returns true when the configuration fixes the address. */
export function isStatic(subject: Subject): boolean {
  return (subject.config.ipam as { type?: string } | undefined)?.type === 'static';
}

/**
 * Returns the configuration of a network with few IPv4 addresses, around one that the plugin assigns itself, so that
 * they fit the existing bridge. Skips plugins that assign none, and configurations without a range.
 */
export async function smallPool(
  subject: Subject,
  name: string,
  size = 1,
): Promise<{ name: string; ipam: Record<string, unknown> }> {
  const { ranges, subnet, ...rest } = (subject.config.ipam ?? {}) as {
    ranges?: { subnet: string }[][];
    subnet?: string;
  };
  const whole = ranges?.[0]?.[0]?.subnet ?? subnet;
  if (whole === undefined) {
    skip('The configuration has no address range');
  }
  const probe = subject.container();
  const { result } = await subject.add(probe);
  await subject.del(probe);
  const given = result.ips?.find(({ address }) => !address.includes(':'))?.address.split('/')[0];
  if (given === undefined) {
    skip('The plugin assigns no IPv4 addresses');
  }
  const [network = '', prefix] = whole.split('/');
  const broadcast = numberOf(network) + 2 ** (32 - Number(prefix)) - 1;
  const start = Math.min(numberOf(given), broadcast - size);
  const range = { subnet: whole, rangeStart: textOf(start), rangeEnd: textOf(start + size - 1) };
  return { name, ipam: { ...rest, ranges: [[range]] } };
}

/**
 * Returns the configuration of a network with other addresses and another bridge, so that a container can be in both
 * networks.
 */
export function otherNetwork({ config }: Subject, name: string): Record<string, unknown> {
  const { ranges, subnet, ...rest } = (config.ipam ?? {}) as Record<string, unknown>;
  return {
    name,
    ...(typeof config.bridge === 'string' ? { bridge: 'cnt1' } : {}),
    ...(ranges || subnet ? { ipam: { ...rest, ranges: [[{ subnet: '10.98.8.0/24' }]] } } : {}),
  };
}

/** Returns a free IPv4 address: one that the plugin has just assigned and freed. */
export async function freeAddress(subject: Subject): Promise<string> {
  const { ipam } = await smallPool(subject, 'unused');
  return (ipam.ranges as { rangeStart: string }[][])[0]![0]!.rangeStart;
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
