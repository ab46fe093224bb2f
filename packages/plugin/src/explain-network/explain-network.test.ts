import { expect, test } from 'vitest';
import { explainNetwork } from './explain-network.ts';

const explain = (conf: unknown) => explainNetwork(typeof conf === 'string' ? conf : JSON.stringify(conf));
const pods = (changes: object) => ({
  cniVersion: '1.0.0',
  name: 'pods',
  type: 'bridge',
  ipam: { type: 'host-local', subnet: '10.244.1.0/24' },
  ...changes,
});

test('explainNetwork() describes ADD for each plugin of a list', () => {
  const list = {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'cnikit',
        isDefaultGateway: true,
        hairpinMode: true,
        mtu: 1450,
        capabilities: { bandwidth: true, mac: false },
        hostSysctls: { 'net/ipv4/conf/all/rp_filter': '2' },
        readinessFile: '/run/cnikit/readiness.json',
        policy: { socket: '/run/cnikit/policy.sock' },
        log: { file: '/var/log/cnikit.log', syslog: true },
        dns: { nameservers: ['192.0.2.53'], search: ['example'] },
        ipam: {
          type: 'host-local',
          dataDir: '/run/addresses',
          ranges: [[{ subnet: '10.244.1.0/24' }], [{ subnet: 'fd00:1::/64' }]],
          routes: [{ dst: '10.0.0.0/8' }, { dst: '192.0.2.0/24', gw: '10.244.1.9' }],
        },
      },
      { type: 'tuning', mtu: 1400, sysctl: { 'net.core.somaxconn': '5' } },
      { type: 'bandwidth', egressRate: 8000, egressBurst: 16_000 },
      { type: 'firewall' },
    ],
  };
  expect(explain(list)).toEqual({
    valid: true,
    text: `Network pods, CNI 1.0.0. For each pod, in this order:

1. cnikit
   Creates the bridge cni0 if it is missing and brings it up.
   Creates a veth pair with MTU 1450: the pod's end is CNI_IFNAME, the node's end vethqnpr… a port of cni0, with hairpin mode.
   Takes one of the 253 addresses 10.244.1.1-10.244.1.254.
   Takes one of the addresses fd00:1::1-fd00:1::ffff:ffff:ffff:ffff.
   Records them in /run/addresses/pods.
   Gives it a route to 10.0.0.0/8 via the gateway.
   Gives it a route to 192.0.2.0/24 via 10.244.1.9.
   Gives cni0 the gateway's address of each range, and fails when it has another.
   Has the node forward packets of these families.
   Gives the pod a default route via the gateway, unless IPAM has given one.
   Returns to the runtime the DNS servers 192.0.2.53 and the search list example.
   Limits what the pod sends and receives as the runtime asks.
   Sets /proc/sys/net/ipv4/conf/all/rp_filter to 2 on the node, unless it is.
   STATUS says 50 until /run/cnikit/readiness.json says that the agent is ready.
   Reports the pod to /run/cnikit/policy.sock and waits at most 2 s for its network policies.
   Logs each verb to /var/log/cnikit.log and /dev/log.
   The runtime passes it: bandwidth.

2. tuning
   Sets /proc/sys/net/core/somaxconn to 5 in the pod.
   Sets mtu of the pod's interface to 1400.

3. bandwidth
   Limits what the pod sends to 1000 bytes a second, with bursts of 2000 bytes, with a separate ifb device.

4. firewall
   firewall is another program: it is looked for in CNI_PATH.
`,
  });
});

test.each([
  [{ promiscMode: true, vlan: 5 }, /brings it up, promiscuous, filtering VLANs\.[\s\S]*, in VLAN 5\./],
  [{ vlanTrunk: [{ id: 7 }, { minID: 10, maxID: 12 }] }, /VLANs 7, 10 to 12 pass tagged/],
  [
    { portIsolation: true, isGateway: true, vlan: 5 },
    /isolated from other such ports[\s\S]*Gives cni0\.5, the node's end/,
  ],
  [{ runtimeConfig: { mac: '02:00:00:00:00:01' } }, /CNI_IFNAME with MAC address 02:00:00:00:00:01,/],
  [{ macFromAddress: true }, /CNI_IFNAME with a MAC address that follows from its address,/],
  [{ routerSolicitations: false }, /Keeps the pod from soliciting routers\./],
  [{ runtimeConfig: { ips: ['10.244.1.7'] } }, /The addresses have to be 10\.244\.1\.7\./],
  [
    { isGateway: true, forceAddress: true, enabledad: true },
    /in place of any other[\s\S]*duplicate address detection/,
  ],
  [{ ipMasq: true }, /leave the node with the node's address, by nftables, or iptables where/],
  [{ ipMasq: true }, /Exemptions in iptables' POSTROUTING, .* need "ipMasqBackend": "iptables"/],
  [
    { type: 'ptp', ipMasq: true, ipMasqBackend: 'iptables' },
    /the node's address, by iptables\.\n(?!.*Exempt)/,
  ],
  [{ ipMasq: true, ipMasqBackend: 'nftables' }, /by nftables, in upstream's tables\./],
  [{ macspoofchk: true }, /, accepting only frames from its MAC address\./],
  [{ type: 'portmap' }, /^Maps no port\.\n$/],
  [
    {
      type: 'cnikit',
      masqAll: true,
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, hostIP: '::1' }] },
    },
    /port \[::1\]:8080\/tcp lead to port 80 of the pod, by nftables, or [\s\S]*as if the node had sent it\./,
  ],
  [
    { type: 'portmap', capabilities: { portMappings: true } },
    /^Maps ports of the node .* as the runtime asks/,
  ],
  [{ ipam: { type: 'dhcp' } }, /Gets addresses from the IPAM plugin dhcp/],
  [{ ipam: undefined }, /Gives it no addresses/],
  [{ ipam: undefined, disableContainerInterface: true }, /Leaves its end down/],
  [
    { ipam: undefined, disableContainerInterface: true, routerSolicitations: false },
    /Leaves its end down\.\n$/,
  ],
  [{ ipam: undefined, macFromAddress: true }, /CNI_IFNAME, the node's end/],
  [{ type: 'ptp' }, /Routes the pod's addresses to its link/],
  [{ type: 'cnikit', layout: 'routed' }, /with another source address\.\nHas the bridge/],
  [
    { type: 'cnikit', layout: 'routed', foreignSourceNamespaces: ['vpn', 'edge'] },
    /Passes them from a pod of namespace vpn, edge whose annotation cnikit\.io\/foreign-source-addresses is "true"\./,
  ],
  [{ type: 'loopback' }, /^Brings the pod's lo up\.\n$/],
  [{ type: 'host-local' }, /^Takes one of the 253 addresses 10\.244\.1\.1-10\.244\.1\.254\./],
  [{ type: 'tuning' }, /^Sets nothing\.\n$/],
  [{ type: 'bandwidth' }, /^Limits nothing\.\n$/],
  [
    { type: 'bandwidth', runtimeConfig: { bandwidth: { IngressRate: 8, IngressBurst: 8 } } },
    /receives to 1 bytes/,
  ],
  [{ type: undefined }, /Names no plugin/],
  [{ type: 'constructor' }, /another program/],
])('explainNetwork() describes ADD for %j', (changes, text) => {
  expect(explain(pods(changes))).toEqual({ text: expect.stringMatching(text), valid: true });
});

test.each([
  ['', /^Invalid: /],
  ['{', /^Invalid: /],
  ['[]', /^Invalid: /],
  [{ plugins: [] }, /^Invalid: .*name/],
  [
    { name: 'x', plugins: [{ type: 'bridge' }, { type: 'bridge', mtu: 'x' }] },
    /^2\. bridge\n {3}Invalid: .*mtu: expected number/m,
  ],
  [pods({ name: 'a/b' }), /^Invalid: Invalid network name "a\/b"/],
  [pods({ cniVersion: '9.0.0' }), /^Invalid: no plugin here speaks cniVersion "9\.0\.0"/],
  [pods({ ipam: { type: 'host-local', subnet: '10.0.0.1/24' } }), /^Invalid: .*host bits/],
  [pods({ hairpinMode: true, promiscMode: true }), /^Invalid: cannot set hairpin mode and promiscuous mode/],
  [pods({ type: 'tuning', sysctl: { 'kernel.hostname': 'x' } }), /^Invalid: invalid net sysctl key/],
  [pods({ type: 'cnikit', hostSysctls: 5 }), /^Invalid: .*hostSysctls/],
  [pods({ runtimeConfig: { mac: 'zz' } }), /^Invalid: .*mac/],
  [pods({ log: { file: 5 } }), /^Invalid: log: file/],
])('explainNetwork() names the fault in %j', (conf, text) => {
  expect(explain(conf)).toEqual({ text: expect.stringMatching(text), valid: false });
});
