import type { Result } from '@cnikit/cni-spec';

/** Formats a result as text: one line for each interface, address and route. */
export function resultText({ interfaces = [], ips = [], routes = [], dns = {} }: Result): string {
  const lines = interfaces.map(({ name, mac, sandbox }) => [
    'interface',
    name,
    mac,
    sandbox ? `in ${sandbox}` : 'on the host',
  ]);
  for (const { address, gateway, interface: index } of ips) {
    const on = index === undefined ? undefined : interfaces[index]?.name;
    lines.push(['address', address, on && `on ${on}`, gateway && `gateway ${gateway}`]);
  }
  for (const { dst, gw } of routes) {
    lines.push(['route', dst, gw && `via ${gw}`]);
  }
  for (const [key, value] of Object.entries(dns)) {
    lines.push(['dns', key, [value].flat().join(' ')]);
  }
  if (lines.length === 0) {
    return 'Empty result';
  }
  return lines
    .map(([type = '', ...fields]) => [type.padEnd(9), ...fields.filter(Boolean)].join(' '))
    .join('\n');
}
