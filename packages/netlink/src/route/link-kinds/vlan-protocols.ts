/** EtherTypes of VLAN tags. */
export const vlanProtocols = { 33024: '802.1q', 34984: '802.1ad' } as const;
