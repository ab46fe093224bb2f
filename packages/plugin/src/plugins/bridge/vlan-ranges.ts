import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { VlanTrunk } from './schema.ts';

/** VLAN ids from first to last, both included. */
export interface VlanRange {
  first: number;
  last: number;
}

/**
 * The `vlanTrunk` field as ranges in order that neither overlap nor touch.
 *
 * @throws CniError 7 for a range with one end, or with its ends the wrong way round
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
