/**
 * Link groups of pods' host ends that route to their pods, above the groups that administrators use. A host end with a
 * `bandwidth` device has the first group of its block plus the device's index.
 */

/** First group of pods that send their own source addresses only. */
export const POD_GROUPS = 0x63000000;
/** First group of pods that may send other source addresses too. The agent's tunnel links are in between. */
export const FOREIGN_SOURCE_GROUPS = 0x65000000;
/** Number of groups of each block, a power of two. */
export const POD_GROUPS_SIZE = 0x1000000;

/** Returns the first group of the block that a group belongs to; undefined for other groups. */
export function blockOf(group = 0): number | undefined {
  return [POD_GROUPS, FOREIGN_SOURCE_GROUPS].find(
    (first) => group >= first && group < first + POD_GROUPS_SIZE,
  );
}
