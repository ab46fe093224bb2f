import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { VlanTrunk } from './schema.ts';

/** VLAN IDs from first to last, both included. */
export interface VlanRange {
  first: number;
  last: number;
}

/**
 * Converts the `vlanTrunk` field to sorted ranges that neither overlap nor touch.
 *
 * @throws {CniError} 7 when a range lacks an end, or its ends are reversed
 */
export function vlanRanges(trunk: readonly VlanTrunk[]): VlanRange[] {
  const ranges: VlanRange[] = [];
  for (const { id, minID, maxID } of trunk) {
    if (id !== undefined) {
      ranges.push({ first: id, last: id });
    }
    if (minID === undefined && maxID === undefined) {
      continue;
    }
    if (minID === undefined || maxID === undefined) {
      const missing = minID === undefined ? 'minID' : 'maxID';
      throw invalid(`minID and maxID should be configured simultaneously, ${missing} is missing`);
    }
    if (maxID < minID) {
      throw invalid('minID is greater than maxID in trunk parameter');
    }
    ranges.push({ first: minID, last: maxID });
  }
  ranges.sort((a, b) => a.first - b.first);
  const merged: VlanRange[] = [];
  for (const range of ranges) {
    const before = merged.at(-1);
    if (before !== undefined && range.first <= before.last + 1) {
      before.last = Math.max(before.last, range.last);
    } else {
      merged.push(range);
    }
  }
  return merged;
}

function invalid(msg: string): CniError {
  return new CniError(ErrorCode.InvalidNetworkConfig, msg, 'Correct the field vlanTrunk');
}
