import { CniError, ErrorCode } from '@cnikit/cni-spec';

const ROOT = '/proc/sys/';

/**
 * Returns the file of a sysctl. The key's first separator decides whether dots or slashes separate, as in sysctl(8), so
 * an interface name may contain a dot. `IFNAME` stands for the pod's interface.
 *
 * @throws {CniError} 7 when the key is not below `net`, the only part that belongs to a network namespace
 */
export function sysctlFile(key: string, ifName: string): string {
  const slash = key.indexOf('/');
  const dot = key.indexOf('.');
  const dotted = slash < 0 || (dot >= 0 && dot < slash);
  const parts = (dotted ? key.replaceAll('.', '/') : key)
    .split('/')
    .map((part) => (part === 'IFNAME' ? ifName : part));
  const bad = parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
  if (parts[0] !== 'net' || parts.length < 2 || bad) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `invalid net sysctl key: ${JSON.stringify(key)}`,
      'Use a key below net, such as net.ipv4.conf.IFNAME.rp_filter',
    );
  }
  return ROOT + parts.join('/');
}
