/** VXLAN_DF_* and GENEVE_DF_*: the flag "don't fragment" of outer IPv4 packets. */
export const dontFragment = { 0: 'unset', 1: 'set', 2: 'inherit' } as const;
