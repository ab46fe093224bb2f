import { expect, test } from 'vitest';
import { ackSegment, dumpedSegments } from './tcp-segment.ts';

// Printed by socat 1.8.0 for a segment over lo that the kernel sent without checksum.
const DUMP = `2026/11/29 socat[7] N reading from raw socket
> 2026/11/29 02:04:45.000334198  length=36 from=112 to=147
 9e 8c 23 28 ae ea 4c df 7a 72 3f 69 80 18 00 40 fe 2c 00 00 01 01 08 0a 1f 73 a9 f1 b5 34 45 da 61 73 6b 0a
`;

test('dumpedSegments() decodes ports, numbers and length of the payload of complete segments', () => {
  expect(dumpedSegments(DUMP)).toEqual([
    {
      sourcePort: 40_588,
      destinationPort: 9000,
      sequence: 0xaeea4cdf,
      acknowledgement: 0x7a723f69,
      length: 4,
    },
  ]);
  expect(dumpedSegments(DUMP.slice(0, -20))).toEqual([]);
});

const segment = { sourcePort: 9000, destinationPort: 40_000, sequence: -1, acknowledgement: 7 };

test.each([
  ['10.0.0.1', '10.0.0.2', 4],
  ['fd00::1', 'fd00:1::2', 16],
])('ackSegment() from %s to %s has a valid checksum', (source, destination, size) => {
  const bytes = ackSegment(source, destination, segment);
  const words = size === 4 ? [0x0a00, 1, 0x0a00, 2] : [0xfd00, 1, 0xfd00, 1, 2];
  for (let i = 0; i < bytes.length; i += 2) {
    words.push(bytes.readUInt16BE(i));
  }
  const sum = words.reduce((total, word) => total + word, 6 + bytes.length);
  expect(sum % 0xffff).toBe(0);
  expect(bytes.readUInt32BE(4)).toBe(0xffffffff);
});
