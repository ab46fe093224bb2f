/**
 * Records what `ip`, `tc`, `bridge` and `nft` say to the kernel, and what it answers, into testdata/*.json.
 * Run it by `npm run goldens`, which makes throw-away namespaces for it; needs strace.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { goldens } from './goldens.mjs';

const trace = '/run/trace';
const testdata = new URL('../testdata/', import.meta.url);
const run = (command) => {
  const [program, ...args] = command.split(' ');
  return spawnSync(program, args, { encoding: 'utf8' });
};
const version = (program) =>
  execFileSync(program, [['nft', 'conntrack', 'ipset'].includes(program) ? '--version' : '-V'], {
    encoding: 'utf8',
  }).trim();

/** The buffers that strace dumped after each call whose line has `call` in it. */
function buffers(text, call) {
  const found = [];
  let current;
  for (const line of text.split('\n')) {
    const row = /^ \| [0-9a-f]+ {2}([0-9a-f ]{49}) /.exec(line);
    if (row !== null) {
      if (current !== undefined) {
        current.hex += row[1].replaceAll(' ', '');
      }
    } else if (/^\d+ +(sendmsg|recvmsg|sendto|recvfrom)\(/.test(line)) {
      current = line.includes(call) ? { hex: '' } : undefined;
      if (current !== undefined) {
        found.push(current);
      }
    }
  }
  return found.map(({ hex }) => hex).filter((hex) => hex !== '');
}

const [, script, only] = process.argv;
if (only === undefined) {
  // One namespace each: nothing of one case is in the way of the next, and indexes are always the same.
  for (const { name } of goldens) {
    execFileSync('unshare', ['-n', process.execPath, script, name], { stdio: 'inherit' });
  }
} else {
  capture(goldens.find(({ name }) => name === only));
}

function capture({ name, setup = [], command, tool = command.split(' ')[0], answers = false, type }) {
  run('ip link set lo up');
  for (const line of setup) {
    const { status, stderr } = run(line);
    if (status !== 0) {
      throw new Error(`${name}: ${line}: ${stderr}`);
    }
  }
  const strace = [
    '-f',
    '-e',
    'trace=sendmsg,recvmsg,sendto,recvfrom',
    '-e',
    'write=all',
    '-e',
    'read=all',
    '-s',
    '0',
  ];
  const done = spawnSync('strace', [...strace, '-e', 'verbose=none', '-o', trace, ...command.split(' ')], {
    encoding: 'utf8',
  });
  const text = readFileSync(trace, 'utf8');
  const sent = buffers(text, 'send').filter((hex) => type === undefined || hexType(hex) === type);
  const golden = {
    command,
    ...(setup.length > 0 && { setup }),
    kernel: release(),
    tool: version(tool),
    date: new Date().toISOString().slice(0, 10),
    ...(done.status !== 0 && { said: done.stderr.trim() }),
    request: sent.at(-1),
    ...(answers && { answers: buffers(text, 'recv') }),
  };
  writeFileSync(new URL(`${name}.json`, testdata), `${JSON.stringify(golden, null, 2)}\n`);
  rmSync(trace, { force: true });
  run('ip netns del pod');
}

/** nlmsg_type of the first message. */
function hexType(hex) {
  return Number.parseInt(hex.slice(10, 12) + hex.slice(8, 10), 16);
}
