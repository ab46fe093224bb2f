import { skip } from '../outcome.ts';
import type { Subject } from '../subject.ts';

/** Whether the configuration leaves no choice of address. */
export function isStatic(subject: Subject): boolean {
  return (subject.config.ipam as { type?: string } | undefined)?.type === 'static';
}

/**
 * What makes a network of few IPv4 addresses of the configuration: around one that the plugin gives out anyway, so that
 * it gets along with what is there. Skips where it gives out none, or no range of it is configured.
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
    skip('The configuration names no range that could be made small');
  }
  const probe = subject.container();
  const { result } = await subject.add(probe);
  await subject.del(probe);
  const given = result.ips?.find(({ address }) => !address.includes(':'))?.address.split('/')[0];
  if (given === undefined) {
    skip('It gives out no IPv4 addresses');
  }
  const [network = '', prefix] = whole.split('/');
  const broadcast = numberOf(network) + 2 ** (32 - Number(prefix)) - 1;
  const start = Math.min(numberOf(given), broadcast - size);
  const range = { subnet: whole, rangeStart: textOf(start), rangeEnd: textOf(start + size - 1) };
  return { name, ipam: { ...rest, ranges: [[range]] } };
}

/**
 * What makes a network that shares nothing with the configuration's own, so that one container can be in both: other
 * addresses, on a bridge of its own where there is one.
 */
export function otherNetwork({ config }: Subject, name: string): Record<string, unknown> {
  const { ranges, subnet, ...rest } = (config.ipam ?? {}) as Record<string, unknown>;
  return {
    name,
    ...(typeof config.bridge === 'string' ? { bridge: 'cnt1' } : {}),
    ...(ranges || subnet ? { ipam: { ...rest, ranges: [[{ subnet: '10.98.8.0/24' }]] } } : {}),
  };
}

/** An IPv4 address that is free now: one that the plugin just gave out and took back. */
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
