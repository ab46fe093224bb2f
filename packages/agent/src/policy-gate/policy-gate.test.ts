import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PolicyGate } from './policy-gate.ts';
import type { Request } from './request.ts';

let dir: string;
let path: string;
let gates: PolicyGate[];
let requests: Request[];
let warnings: string[];
let handle: (request: Request) => Promise<void>;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'policy-gate-'));
  path = join(dir, 'policy.sock');
  [gates, requests, warnings] = [[], [], []];
  handle = async () => undefined;
});
afterEach(() => {
  for (const gate of gates) {
    gate.close();
  }
  rmSync(dir, { recursive: true });
});

function makeGate(): PolicyGate {
  const gate = new PolicyGate({
    path,
    network: 'cnikit',
    handle: (request) => {
      requests.push(request);
      return handle(request);
    },
    log: { info: () => undefined, warn: (_, message) => void warnings.push(message) },
  });
  gates.push(gate);
  return gate;
}

async function openGate(): Promise<PolicyGate> {
  const gate = makeGate();
  await gate.check();
  expect(gate.failure).toBeUndefined();
  return gate;
}

/** Sends the pieces one after the other and returns everything that comes back. */
async function exchange(...pieces: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(path);
  let answer = '';
  socket.on('data', (text) => (answer += text)).on('error', () => undefined);
  await once(socket, 'connect');
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
  }
  socket.end();
  if (!socket.closed) {
    await once(socket, 'close');
  }
  return answer;
}

const DEL = '{"op":"del","network":"cnikit","containerId":"c1","ifName":"eth0"}\n';
const attachment = { containerId: 'c1', ifName: 'eth0' };

test('PolicyGate answers each line in order, also in pieces', async () => {
  await openGate();
  handle = async () => {
    if (requests.length === 1) {
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('no\ntable');
    }
  };
  expect(await exchange(DEL.slice(0, 9), DEL.slice(9) + DEL, DEL)).toBe(
    '{"ok":false,"error":"no\\ntable"}\n{"ok":true}\n{"ok":true}\n',
  );
  expect(requests).toEqual([1, 2, 3].map(() => ({ op: 'del', attachment })));
});

test('PolicyGate handles the request of a client that has gone', async () => {
  await openGate();
  const handled = new Promise<void>((resolve) => {
    handle = async () => resolve();
  });
  const socket = connect(path);
  socket.write(DEL, () => socket.destroy());
  await handled;
  expect(requests).toHaveLength(1);
});

test('PolicyGate refuses lines that are too long, and answers others', async () => {
  await openGate();
  expect(await exchange('x'.repeat(300_000), DEL)).not.toContain('"ok":true');
  expect(requests).toEqual([]);
  expect(await exchange(DEL)).toBe('{"ok":true}\n');
});

test('PolicyGate answers every complete line of garbage, and stays open', async () => {
  await openGate();
  const piece = fc.oneof(
    fc.constantFrom(DEL, DEL.slice(0, 20), '\n', '{}\n', 'null\n').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 50 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
      const lines = Buffer.concat(pieces).toString().split('\n').length - 1;
      const answers = (await exchange(...pieces)).split('\n').slice(0, -1);
      expect(answers).toHaveLength(lines);
      for (const answer of answers) {
        expect(JSON.parse(answer)).toHaveProperty('ok');
      }
    }),
    { numRuns: 100 },
  );
  expect(await exchange(DEL)).toBe('{"ok":true}\n');
});

test('PolicyGate opens a socket for root only, in place of one that a killed agent left', async () => {
  writeFileSync(path, '');
  await openGate();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await exchange(DEL)).toBe('{"ok":true}\n');
});

test('PolicyGate opens the socket again when another program removed it', async () => {
  const gate = await openGate();
  await gate.check();
  rmSync(path);
  await gate.check();
  expect(await exchange(DEL)).toBe('{"ok":true}\n');
});

test('PolicyGate removes its socket when it closes, and never that of the next agent', async () => {
  const gate = await openGate();
  const next = await openGate();
  gate.close();
  expect(await exchange(DEL)).toBe('{"ok":true}\n');
  next.close();
  expect(existsSync(path)).toBe(false);
});

test('PolicyGate names what keeps the socket from opening, until it opens', async () => {
  const gate = makeGate();
  rmSync(dir, { recursive: true });
  await gate.check();
  expect(gate.failure).toContain(`Cannot open the socket ${path}`);
  expect(warnings).toEqual([gate.failure]);
  dir = mkdtempSync(join(tmpdir(), 'policy-gate-'));
  const long = new PolicyGate({
    path: join(dir, 'x'.repeat(108)),
    network: 'n',
    handle,
    log: { info() {}, warn() {} },
  });
  await long.check();
  expect(long.failure).toContain('too long for a socket: choose a shorter --state-dir');
});
