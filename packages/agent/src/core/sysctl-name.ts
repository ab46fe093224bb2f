/**
 * Returns the name of a setting for sysctl(8) and /etc/sysctl.d. Dots separate its parts, except when a part
 * contains a dot, such as the VLAN interface eth0.100: sysctl(8) then needs slashes. Pure.
 */
export const sysctlName = (key: string): string => (key.includes('.') ? key : key.replaceAll('/', '.'));
