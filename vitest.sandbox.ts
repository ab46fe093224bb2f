/**
 * Set-up of each live and soak test file: removes links, routes, nftables rules and tracked connections that an earlier
 * file left in the sandbox.
 */
import { spawnSync } from 'node:child_process';

if (process.env.CNIKIT_SANDBOX === '1') {
  const { stdout } = spawnSync('ip', ['-j', 'link'], { encoding: 'utf8' });
  const links = JSON.parse(stdout || '[]') as { ifname?: string; flags: string[] }[];
  for (const { ifname, flags } of links) {
    if (ifname !== undefined && !flags.includes('LOOPBACK')) {
      // A veth goes with its peer, and the kernel keeps the links that its tunnel modules make.
      spawnSync('ip', ['link', 'del', ifname]);
    }
  }
  // The other routes go with their links.
  for (const family of ['-4', '-6']) {
    for (const type of ['unreachable', 'blackhole', 'prohibit']) {
      spawnSync('ip', [family, 'route', 'flush', 'type', type]);
    }
  }
  spawnSync('nft', ['flush', 'ruleset']);
  spawnSync('conntrack', ['-F']);
}
