import { expect, test } from 'vitest';
import { parseConfig } from './config.ts';

const env = { NODE_NAME: 'n1' };

test.each([
  [[], {}, false],
  [['--network-policy'], {}, true],
  [[], { CNIKIT_NETWORK_POLICY: 'true' }, true],
  [[], { CNIKIT_NETWORK_POLICY: 'false' }, false],
])('parseConfig() with arguments %j and environment %j sets networkPolicy to %s', (argv, more, expected) => {
  expect(parseConfig(argv, { ...env, ...more }).networkPolicy).toBe(expected);
});

test('parseConfig() refuses a CNIKIT_NETWORK_POLICY that is not true or false', () => {
  expect(() => parseConfig([], { ...env, CNIKIT_NETWORK_POLICY: '1' })).toThrow(
    'Invalid CNIKIT_NETWORK_POLICY "1": expected true or false',
  );
});

test.each([
  ['', []],
  ['vpn', ['vpn']],
  ['vpn,edge-1,', ['vpn', 'edge-1']],
])('parseConfig() takes namespaces for foreign source addresses from %j', (text, names) => {
  expect(parseConfig([`--foreign-source-namespaces=${text}`], env).foreignSourceNamespaces).toEqual(names);
});

test.each(['VPN', 'a b', '-a', 'a.b', `a${'b'.repeat(63)}`])(
  'parseConfig() refuses the namespace %j for foreign source addresses',
  (name) => {
    expect(() => parseConfig([`--foreign-source-namespaces=vpn,${name}`], env)).toThrow(
      `Invalid --foreign-source-namespaces "${name}": expected names of namespaces, separated by commas`,
    );
  },
);

test('parseConfig() reads the settings of network policy', () => {
  const argv = ['--policy-established=cut', '--policy-mark=0x80000000', '--policy-log=5'];
  expect(parseConfig(argv, env).policySettings).toEqual({
    cutMark: 0x8000_0000,
    log: { group: 5210, rate: 5 },
  });
});

test.each([
  ['--policy-established=drop', 'Invalid --policy-established "drop": expected keep or cut'],
  ['--policy-mark=3', 'Invalid --policy-mark "3": expected one bit of 32, such as 0x2000000'],
  ['--policy-mark=0x100000000', 'Invalid --policy-mark "0x100000000": expected one bit of 32'],
  ['--policy-log=0', 'Invalid --policy-log "0": expected a number from 1 to 10000, or off'],
  ['--policy-log-group=70000', 'Invalid --policy-log-group "70000": expected a number from 1 to 65535'],
])('parseConfig() refuses %s', (argument, message) => {
  expect(() => parseConfig([argument], env)).toThrow(message);
});

test('parseConfig() requires only the node name', () => {
  expect(parseConfig([], env)).toEqual({
    command: 'run',
    nodeName: 'n1',
    cniBinDir: '/opt/cni/bin',
    cniConfDir: '/etc/cni/net.d',
    cniCacheDir: '/var/lib/cni',
    stateDir: '/run/cnikit',
    nonMasquerade: [],
    masquerade: 'destination',
    packetFilter: 'auto',
    layout: undefined,
    networkPolicy: false,
    policySettings: {},
    pluginLinks: ['loopback'],
    leakGraceMs: 300_000,
    json: false,
    watch: false,
    force: false,
    undo: false,
    encap: 'auto',
    tunnel: { name: 'cnikit-vx', vni: 201, port: 4789 },
    resyncMs: 60_000,
    health: { host: '127.0.0.1', port: 9470 },
    logLevel: 'info',
  });
});

test('parseConfig() reads every option', () => {
  const argv = [
    'plan',
    '--node-name=n2',
    '--kubeconfig=/k',
    '--api-server=https://192.0.2.1:6443/',
    '--plugin-binary=/p',
    '--outside-interface=eth1',
    '--non-masquerade-cidr=10.96.0.0/12,192.168.0.7/16',
    '--non-masquerade-cidr=fd00:1::/64',
    '--chain=/c.json',
    '--plugin-links=loopback,host-local',
    '--node-readiness-taint=cnikit.io/not-ready',
    '--leak-grace=10',
    '--runtime-socket=/s',
    '--cluster-cidr=10.244.0.0/16',
    '--service-cidr=10.97.0.0/16',
    '--encap=always',
    '--masquerade=egress',
    '--mtu=1400',
    '--vxlan-name=vx7',
    '--vxlan-vni=7',
    '--vxlan-port=8472',
    '--resync-interval=300',
    '--health-address=[::1]:1',
  ];
  expect(parseConfig(argv, env)).toMatchObject({
    command: 'plan',
    nodeName: 'n2',
    kubeconfig: '/k',
    apiServer: 'https://192.0.2.1:6443',
    pluginBinary: '/p',
    outsideInterface: 'eth1',
    nonMasquerade: ['10.244.0.0/16', '10.97.0.0/16', '10.96.0.0/12', '192.168.0.0/16', 'fd00:1::/64'],
    masquerade: 'egress',
    mtu: 1400,
    encap: 'always',
    tunnel: { name: 'vx7', vni: 7, port: 8472 },
    chain: '/c.json',
    pluginLinks: ['loopback', 'host-local'],
    readinessTaint: 'cnikit.io/not-ready',
    leakGraceMs: 10_000,
    runtimeSocket: '/s',
    resyncMs: 300_000,
    health: { host: '::1', port: 1 },
  });
  expect(parseConfig(['--leak-grace=off'], env).leakGraceMs).toBeUndefined();
  expect(parseConfig(['--plugin-links='], env).pluginLinks).toEqual([]);
  expect(parseConfig(['--health-address=off'], env).health).toBeUndefined();
});

test('parseConfig() takes --version as the command version', () => {
  expect(parseConfig(['--version'], {}).command).toBe('version');
  expect(parseConfig(['doctor', '--version'], {}).command).toBe('version');
});

test.each([
  ['a missing node name', [], {}, /NODE_NAME/],
  ['an invalid value before a missing node name', ['plan', '--mtu=x'], {}, 'Invalid --mtu "x"'],
  ['an unknown command', ['fly'], env, 'Unknown command "fly"; expected one of run, plan,'],
  ['help for an unknown command', ['help', 'fly'], env, 'Unknown command "fly"'],
  ['two commands', ['plan', 'apply'], env, 'Expected at most one command, got: plan apply'],
  ['policy without a question', ['policy'], env, 'Expected policy why, policy matrix or policy check'],
  ['an unknown question', ['policy', 'who'], env, 'or policy check, got: policy who'],
  ['two questions', ['policy', 'why', 'matrix'], env, 'got: policy why matrix'],
  ['an unknown option', ['--colour'], env, 'Unknown option --colour; run cnikit-agent --help'],
  ['an unknown short option', ['-x'], env, 'Unknown option -x'],
  [
    'an option with the name of an inherited property',
    ['--constructor'],
    env,
    'Unknown option --constructor; run',
  ],
  ['an option without its value', ['--encap'], env, '--encap'],
  ['an interval of 0', ['--resync-interval=0'], env, 'Invalid --resync-interval "0": expected 1 to 86400'],
  ['a plugin link that is a path', ['--plugin-links=../x'], env, /names of plugins/],
  ['a leak grace of 0', ['--leak-grace=0'], env, '1 to 86400 seconds, or off'],
  ['an MTU that is too small', ['--mtu=500'], env, 'expected a number from 576 to 65535'],
  ['an unknown mode of masquerading', ['--masquerade=off'], env, 'expected destination or egress'],
  ['an unknown layout', ['--layout=flat'], env, 'Invalid --layout "flat": expected bridge or routed'],
  ['an invalid prefix', ['--non-masquerade-cidr=10.0.0.0/33'], env, /expected a prefix/],
  [
    'an invalid cluster prefix',
    ['--cluster-cidr=all'],
    env,
    'Invalid --cluster-cidr "all": expected a prefix',
  ],
  ['an unknown encap mode', ['--encap=yes'], env, 'auto, never or always'],
  ['a VNI of more than 24 bits', ['--vxlan-vni=16777216'], env, 'from 1 to 16777215'],
  ['port 0', ['--vxlan-port=0'], env, 'from 1 to 65535'],
  ['a link name that is too long', ['--vxlan-name=sixteen-is-a-lot'], env, 'at most 14 characters'],
  ['a server that is not a URL', ['--api-server=192.0.2.1'], env, 'expected a URL'],
  ['a health address without port', ['--health-address=localhost'], env, 'HOST:PORT'],
  ['an unknown log level', ['--log-level=loud'], env, 'expected one of trace,'],
])('parseConfig() refuses %s', (_, argv, environment, reason) => {
  expect(() => parseConfig(argv, environment)).toThrow(reason);
});

test.each([
  [['--help'], undefined],
  [['help'], undefined],
  [['doctor', '--help'], 'doctor'],
  [['help', 'doctor'], 'doctor'],
  [['-h', 'doctor'], 'doctor'],
  [['policy', 'why', '--help'], 'policy'],
  [['help', 'policy'], 'policy'],
])('parseConfig() reads %j as a request for help', (argv, topic) => {
  expect(parseConfig(argv, {})).toMatchObject({ command: 'help', topic });
});

test('parseConfig() reads a policy question without a node name', () => {
  const argv = ['policy', 'why', '--from=shop/web', '--to=shop/db:5432', '--namespace=shop', '--port=80'];
  expect(parseConfig([...argv, '--with=192.0.2.1'], {})).toMatchObject({
    command: 'policy',
    question: {
      name: 'why',
      from: 'shop/web',
      to: 'shop/db:5432',
      namespaces: ['shop'],
      ports: ['80'],
      endpoints: ['192.0.2.1'],
    },
  });
});
