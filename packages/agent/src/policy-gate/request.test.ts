import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRequest } from './request.ts';

const ADD = {
  op: 'add',
  network: 'cnikit',
  containerId: 'c1',
  ifName: 'eth0',
  namespace: 'shop',
  name: 'web-0',
  uid: 'u-1',
  addresses: ['10.244.1.7', 'FD00:0::7'],
};
const parse = (request: unknown) => parseRequest(JSON.stringify(request), 'cnikit');

test('parseRequest() returns the claim of an added pod with canonical addresses', () => {
  const { op, network, ...claim } = ADD;
  expect(parse({ ...ADD, more: 1 })).toEqual({
    op,
    claim: { ...claim, addresses: ['10.244.1.7', 'fd00::7'] },
  });
  expect(parse({ ...ADD, uid: undefined })).toMatchObject({ claim: { uid: undefined } });
  expect(network).toBe('cnikit');
});

test('parseRequest() returns the attachments of del and gc', () => {
  const attachment = { containerId: 'a_b.c-D', ifName: 'eth0' };
  expect(parse({ op: 'del', network: 'cnikit', ...attachment })).toEqual({ op: 'del', attachment });
  expect(parse({ op: 'gc', network: 'cnikit', keep: [attachment] })).toEqual({
    op: 'gc',
    keep: [attachment],
  });
});

test.each<[unknown, string]>([
  ['x', 'Invalid value "x": expected a JSON object'],
  [[], 'Invalid value []: expected a JSON object'],
  [{ ...ADD, network: 'other' }, 'Policies are not enforced in network "other", only in "cnikit"'],
  [{ ...ADD, op: 'drop' }, 'Unknown op "drop": expected add, del or gc'],
  [{ ...ADD, namespace: undefined }, 'Invalid namespace undefined'],
  [{ ...ADD, namespace: 'a/b' }, 'Invalid namespace "a/b"'],
  [{ ...ADD, name: 'A' }, 'Invalid name "A"'],
  [{ ...ADD, uid: '' }, 'Invalid uid ""'],
  [{ ...ADD, containerId: '../c' }, 'Invalid containerId "../c"'],
  [{ ...ADD, ifName: 'sixteen-bytes-xx' }, 'Invalid ifName "sixteen-bytes-xx"'],
  [{ ...ADD, addresses: [] }, 'Invalid addresses []: expected a list of 1 to 16'],
  [{ ...ADD, addresses: '10.0.0.1' }, 'Invalid addresses "10.0.0.1"'],
  [{ ...ADD, addresses: ['10.0.0.1/24'] }, 'Invalid address "10.0.0.1/24"'],
  [{ ...ADD, addresses: [7] }, 'Invalid address 7'],
  [{ op: 'gc', network: 'cnikit' }, 'Invalid keep undefined: expected a list'],
  [{ op: 'gc', network: 'cnikit', keep: [null] }, 'Invalid value null: expected a JSON object'],
])('parseRequest() refuses %j', (request, message) => {
  expect(() => parse(request)).toThrow(message);
});

test('parseRequest() returns a request or throws a short Error for any line', () => {
  const field = fc.constantFrom(...Object.keys(ADD), 'keep');
  const value = fc.oneof(fc.constantFrom<unknown>(...Object.values(ADD), 'gc', 'del', []), fc.jsonValue());
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(field, value).map((one) => JSON.stringify(one)),
  );
  fc.assert(
    fc.property(line, (text) => {
      try {
        expect(['add', 'del', 'gc']).toContain(parseRequest(text, 'cnikit').op);
      } catch (error) {
        expect((error as Error).message.length).toBeLessThan(300);
        expect(error).not.toBeInstanceOf(TypeError);
      }
    }),
    { numRuns: 2000 },
  );
});
