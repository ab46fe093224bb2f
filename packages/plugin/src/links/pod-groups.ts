/**
 * First of the link groups of pods' host ends, above the groups that administrators use. It is the group of a host end
 * that routes to its pod. A host end with a `bandwidth` device has this number plus the device's index.
 */
export const POD_GROUPS = 0x63000000;
/** Number of these groups, a power of two. */
export const POD_GROUPS_SIZE = 0x1000000;
