import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../src/run.ts';
import { CLI, installScript } from './plugins.ts';

let folder: string;
const result =
  '{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/proc/self/ns/net"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0}]}';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cni-cli-'));
  installScript(
    join(folder, 'bin'),
    'fake',
    `cat > ${folder}/stdin.$CNI_COMMAND; echo "$CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS" >> ${folder}/log
case $CNI_COMMAND in
ADD) echo '${result}' ;;
VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
STATUS) echo 'starting' >&2; echo '{"code":50,"msg":"No daemon","details":"Start it"}'; exit 1 ;;
esac`,
  );
  writeFileSync(
    join(folder, '10.conflist'),
    JSON.stringify({
      cniVersion: '1.1.0',
      name: 'net',
      plugins: [{ type: 'fake', capabilities: { mac: true } }],
    }),
  );
  writeFileSync(join(folder, '20.conflist'), '{');
});
afterEach(() => rmSync(folder, { recursive: true }));

const where = () => [
  ...['--conf-dir', folder, '--path', join(folder, 'bin')],
  ...['--cache-dir', join(folder, 'cache')],
];

/** Runs the command in this process. */
async function command(...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const status = await run([...argv, ...where()], {
    env: {},
    out: (line) => {
      stdout += `${line}\n`;
    },
    err: (line) => {
      stderr += `${line}\n`;
    },
    version: '1.2.3',
  });
  return { stdout, stderr, status };
}

/** Runs the program. */
function program(...argv: string[]) {
  const [node, ...start] = CLI;
  const { stdout, stderr, status } = spawnSync(node, [...start, ...argv, ...where()], {
    encoding: 'utf8',
    env: { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
  });
  return { stdout, stderr, status };
}

const NETNS = '/proc/self/ns/net';

describe('cnikit-cni', () => {
  test('cnikit-cni add, check and del run the chain with the given options and print text', () => {
    const more = [
      '--container-id',
      'c1',
      '--ifname',
      'net1',
      '--args',
      'A=1;B=2',
      '--cap-args',
      '{"mac":"c2:11:22:33:44:55"}',
    ];
    expect(program('add', 'net', NETNS, ...more)).toEqual({
      status: 0,
      stderr: '',
      stdout: 'interface eth0 in /proc/self/ns/net\naddress   10.1.0.2/24 on eth0 gateway 10.1.0.1\n',
    });
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe(`c1 ${NETNS} net1 A=1;B=2\n`);
    expect(JSON.parse(readFileSync(join(folder, 'stdin.ADD'), 'utf8')).runtimeConfig).toEqual({
      mac: 'c2:11:22:33:44:55',
    });
    expect(program('check', 'net', NETNS, ...more)).toMatchObject({ status: 0, stdout: 'net: unchanged\n' });
    expect(program('del', 'net', NETNS, ...more)).toMatchObject({ status: 0, stdout: 'net: deleted\n' });
    expect(JSON.parse(readFileSync(join(folder, 'stdin.DEL'), 'utf8')).prevResult).toEqual(
      JSON.parse(result),
    );
  });
  test('cnikit-cni --json prints one document', async () => {
    expect(JSON.parse((await command('add', 'net', NETNS, '--json')).stdout)).toEqual(JSON.parse(result));
    const { stdout, status } = await command('status', 'net', '--json');
    expect([JSON.parse(stdout), status]).toEqual([
      {
        plugin: 'fake',
        command: 'STATUS',
        code: 50,
        msg: 'No daemon',
        details: 'Start it',
        stderr: 'starting\n',
      },
      1,
    ]);
  });
  test('cnikit-cni prints the error of a plugin with its name, code and logs', async () => {
    expect(await command('status', 'net')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'starting\nfake STATUS: No daemon (Start it), code 50\n',
    });
  });
  test('cnikit-cni names the networks that exist, or the option for their directory', async () => {
    const { stderr } = await command('status', 'nat');
    expect(stderr).toContain('Network "nat" not found in ');
    expect(stderr).toContain(', which has net');
    rmSync(join(folder, '10.conflist'));
    expect((await command('status', 'nat')).stderr).toContain(
      `not found in ${folder}; --conf-dir selects another directory`,
    );
  });
  test('cnikit-cni version lists the versions of one plugin or of all', async () => {
    expect((await command('version')).stdout).toBe('fake  1.0.0 1.1.0\n');
    expect(JSON.parse((await command('version', 'fake', '--json')).stdout)).toEqual({
      fake: ['1.0.0', '1.1.0'],
    });
    expect(await command('version', 'none')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('Failed to find plugin "none"'),
    });
  });
  test('cnikit-cni gc frees attachments that are not listed', async () => {
    await command('add', 'net', NETNS, '--container-id', 'c1');
    await command('add', 'net', NETNS, '--container-id', 'c2');
    expect((await command('gc', 'net', 'c1/eth0')).status).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, 'stdin.GC'), 'utf8'))['cni.dev/valid-attachments']).toEqual([
      { containerID: 'c1', ifname: 'eth0' },
    ]);
    expect(readFileSync(join(folder, 'log'), 'utf8').split('\n')[2]).toMatch(/^c2 /);
  });
  test('cnikit-cni explain describes a configuration from a file', async () => {
    const file = join(folder, 'conf.json');
    const conf = { cniVersion: '1.0.0', name: 'net', type: 'bridge', bridge: 'br7' };
    writeFileSync(file, JSON.stringify(conf));
    expect(await command('explain', file)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('bridge br7'),
    });
    writeFileSync(file, JSON.stringify({ ...conf, mtu: 'x' }));
    expect(await command('explain', file)).toMatchObject({
      status: 1,
      stdout: 'Invalid: Invalid bridge configuration: mtu: expected number, got "x"\n',
    });
    expect(JSON.parse((await command('explain', file, '--json')).stdout)).toMatchObject({ valid: false });
  });
  test.each([
    [['explain', '/nonexistent'], 'Cannot read /nonexistent'],
    [['explain', '/dev/null'], '/dev/null is empty: expected the configuration of a network'],
    [[], 'Expected a command'],
    [['frob'], 'Unknown command frob'],
    [['add', 'net'], 'requires one network namespace'],
    [['add', 'net', 'nonexistent'], 'Network namespace /run/netns/nonexistent does not exist'],
    [['add'], 'requires the name of a network'],
    [['gc', 'net'], '--none'],
    [['gc', 'net', 'c1'], 'Invalid attachment "c1": expected ID/IFNAME'],
    [['add', 'net', NETNS, '--args', 'x'], '"x" is not KEY=value'],
    [['add', 'net', NETNS, '--cap-args', '[]'], 'expected a JSON object'],
    [['add', 'net', NETNS, '--timeout', 'x'], 'Invalid --timeout "x": expected seconds'],
    [['add', '--frob'], '--frob'],
    [['conformance', '/nonexistent'], 'Plugin /nonexistent does not exist'],
  ])('cnikit-cni %j exits 2 and describes the mistake', async (argv, message) => {
    expect(await command(...argv)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining(message),
    });
  });
  test('cnikit-cni prints a mistake to standard error and exits 2', () => {
    expect(program()).toEqual({
      status: 2,
      stdout: '',
      stderr: 'Expected a command\nTry: cnikit-cni --help\n',
    });
  });
  test('cnikit-cni add lists unreadable configuration files when the network is not found', async () => {
    const { stderr, status } = await command('add', 'other', NETNS);
    expect(status).toBe(1);
    expect(stderr).toContain('Network "other" not found');
    expect(stderr).toContain('20.conflist');
  });
  test('cnikit-cni --help prints the usage', () => {
    expect(program('--help').stdout).toContain('Usage: cnikit-cni');
  });
  test('cnikit-cni --version prints the version', async () => {
    expect(await command('--version')).toEqual({ status: 0, stdout: '1.2.3\n', stderr: '' });
  });
});
