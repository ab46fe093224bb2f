import { describe, expect, test } from 'vitest';
import { help, helpOf } from '../cli/help.ts';
import { commands, parseConfig } from './config.ts';

const env = { NODE_NAME: 'n1' };

test('parseConfig() needs nothing but the name of the node', () => {
  expect(parseConfig([], env)).toEqual({
    command: 'run',
    nodeName: 'n1',
    cniBinDir: '/opt/cni/bin',
    cniConfDir: '/etc/cni/net.d',
    stateDir: '/run/cnikit',
    nonMasquerade: [],
    pluginLinks: ['loopback'],
    leakGraceMs: 300_000,
    json: false,
    watch: false,
    undo: false,
    encap: 'auto',
    tunnel: { name: 'cnikit-vx', vni: 201, port: 4789 },
    resyncMs: 60_000,
    health: { host: '127.0.0.1', port: 9470 },
    logLevel: 'info',
  });
});

test('parseConfig() reads every flag', () => {
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
  expect(parseConfig(['--leak-grace=off', '--plugin-links='], env)).not.toHaveProperty('leakGraceMs');
  expect(parseConfig(['--plugin-links='], env).pluginLinks).toEqual([]);
  expect(parseConfig(['--health-address=off'], env).health).toBeUndefined();
});

describe('parseConfig() refuses', () => {
  test.each([
    ['no node name', [], {}, /NODE_NAME/],
    ['an unknown command', ['fly'], env, /No command fly/],
    ['two commands', ['run', 'plan'], env, /one command/],
    ['an unknown flag', ['--colour'], env, /colour/],
    ['an interval of nothing', ['--resync-interval=0'], env, /between 1 and 86400/],
    ['a link that is a path', ['--plugin-links=../x'], env, /plugins' names/],
    ['a grace of nothing', ['--leak-grace=0'], env, /between 1 and 86400 seconds, or off/],
    ['a prefix that is none', ['--non-masquerade-cidr=10.0.0.0/33'], env, /not a prefix/],
    ['a cluster prefix that is none', ['--cluster-cidr=all'], env, /--cluster-cidr "all" is not a prefix/],
    ['a way of reaching nodes that is none', ['--encap=yes'], env, /auto, never or always/],
    ['a VNI of more than 24 bits', ['--vxlan-vni=16777216'], env, /between 1 and 16777215/],
    ['a port of nothing', ['--vxlan-port=0'], env, /between 1 and 65535/],
    ['a link name that is too long', ['--vxlan-name=sixteen-is-a-lot'], env, /14 characters/],
    ['a server that is no URL', ['--api-server=192.0.2.1'], env, /not a URL/],
    ['a health address without port', ['--health-address=localhost'], env, /HOST:PORT/],
    ['a log level that is none', ['--log-level=loud'], env, /must be one of/],
  ])('%s', (_, argv, environment, reason) => {
    expect(() => parseConfig(argv, environment)).toThrow(reason);
  });
});

test('help names every command and every flag, in lines that fit a terminal', () => {
  for (const command of commands) {
    if (command !== 'help') {
      expect(help).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
  }
  const flags = [
    'chain',
    'plugin-links',
    'node-readiness-taint',
    'leak-grace',
    'runtime-socket',
    'undo',
    'json',
    'watch',
    'node-name',
    'kubeconfig',
    'api-server',
    'plugin-binary',
    'cni-bin-dir',
    'cni-conf-dir',
    'state-dir',
  ];
  flags.push(
    'outside-interface',
    'non-masquerade-cidr',
    'cluster-cidr',
    'service-cidr',
    'encap',
    'vxlan-name',
    'vxlan-vni',
    'vxlan-port',
    'resync-interval',
    'health-address',
    'log-level',
    'once',
  );
  for (const flag of flags) {
    expect(help).toContain(`--${flag}`);
  }
  for (const line of help.split('\n')) {
    expect(line.length).toBeLessThanOrEqual(86);
  }
  expect(parseConfig(['--help'], {})).toMatchObject({ command: 'help' });
  expect(parseConfig(['--help'], {}).topic).toBeUndefined();
});

describe('the help of one command', () => {
  test.each([[['doctor', '--help']], [['help', 'doctor']]])('is asked for by %j', (argv) => {
    expect(parseConfig(argv, {})).toMatchObject({ command: 'help', topic: 'doctor' });
  });

  test('says what it does and has its options, each whole', () => {
    expect(helpOf('rollback')).toBe(`Usage: cnikit-agent rollback [options]

put the plugin and the CNI configuration in place that were there before
the present ones; they stay until the agent is another version

Options
  --undo                     nothing is held any more, so that the agent installs its
                             own again: rollback
  --cni-bin-dir DIR          default /opt/cni/bin
  --cni-conf-dir DIR         default /etc/cni/net.d
`);
  });

  test('is there for every command, and every option is some command’s', () => {
    const all = commands.map(helpOf).join('\n');
    for (const command of commands) {
      expect(helpOf(command)).toMatch(/^(Usage: )?cnikit-agent \S+/);
    }
    const options = help.match(/^ {2}--[a-z-]+/gm) ?? [];
    expect(options.length).toBeGreaterThan(20);
    for (const option of options) {
      expect(all.split(option).length).toBeGreaterThan(3);
    }
  });
});
