import { CniError, ErrorCode } from '@cnikit/cni-spec';

const ROOT = '/proc/sys/';

/**
 * The file of a sysctl: the first separator of the key decides whether dots or slashes separate, as in
 * sysctl(8), so that an interface's name may have a dot; `IFNAME` stands for the pod's interface.
 *
 * @throws CniError 7 for a key that is not below `net`: only that belongs to a network namespace
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
      'Only keys below net, such as net.ipv4.conf.IFNAME.rp_filter, are for the network',
    );
  }
  return ROOT + parts.join('/');
}
