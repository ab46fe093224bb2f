import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ResponseHead, ResponseParser } from './response-parser.ts';

interface Read {
  status: number | undefined;
  headers: Record<string, string>;
  body: string;
  done: boolean;
}

/** Parses the chunks, then the end of the connection unless `open`. */
function read(chunks: readonly (string | Buffer)[], open = false): Read {
  let head: ResponseHead | undefined;
  const body: Buffer[] = [];
  const parser = new ResponseParser({
    head: (one) => {
      expect(head).toBeUndefined();
      head = one;
    },
    body: (piece) => {
      expect(head).toBeDefined();
      body.push(Buffer.from(piece));
    },
  });
  for (const chunk of chunks) {
    parser.push(Buffer.from(chunk as string, 'latin1'));
  }
  if (!open) {
    parser.end();
  }
  return {
    status: head?.status,
    headers: Object.fromEntries(head?.headers ?? []),
    body: Buffer.concat(body).toString('latin1'),
    done: parser.done,
  };
}

const CHUNKED = [
  'HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nVary: a\r\nVARY:b \r\nTransfer-Encoding: Chunked\r\n\r\n',
  '5\r\nhello\r\n',
  'A;name="value"; other \r\n0123\r\n6789\r\n',
  '001 \r\n!\r\n',
  '0;last\r\nTrailer: x\r\nMore: y\r\n\r\n',
].join('');
const EXPECTED: Read = {
  status: 200,
  headers: { 'content-type': 'application/json', vary: 'a, b', 'transfer-encoding': 'Chunked' },
  body: 'hello0123\r\n6789!',
  done: true,
};

describe('ResponseParser', () => {
  test('ResponseParser reads a chunked body with extensions and trailers, split anywhere', () => {
    expect(read([CHUNKED])).toEqual(EXPECTED);
    for (let at = 0; at <= CHUNKED.length; at += 1) {
      expect(read([CHUNKED.slice(0, at), CHUNKED.slice(at)])).toEqual(EXPECTED);
    }
    expect(read([...CHUNKED])).toEqual(EXPECTED);
  });

  test('ResponseParser reads headers of many blanks in one pass', () => {
    const blanks = ' \t'.repeat(10_000);
    const { headers } = read([`HTTP/1.1 204 No Content\r\nA:${blanks}b${blanks}c${blanks}\r\n\r\n`]);
    expect(headers).toEqual({ a: `b${blanks}c` });
    expect(() => read([`HTTP/1.1 200 OK\r\nA:${blanks}\0\r\n\r\n`])).toThrow('invalid header');
  });

  test('ResponseParser is done only after the last byte', () => {
    for (let at = 0; at < CHUNKED.length; at += 1) {
      expect(read([CHUNKED.slice(0, at)], true).done).toBe(false);
      expect(() => read([CHUNKED.slice(0, at)])).toThrow('aborted');
    }
  });

  test('ResponseParser reads any body in any chunks', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 5 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat({ max: 2000 })), (pieces, cuts) => {
        const all = Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'),
          ...pieces.flatMap((piece) =>
            [`${piece.length.toString(16)}\r\n`, piece, '\r\n'].map((p) => Buffer.from(p as string)),
          ),
          Buffer.from('0\r\n\r\n'),
        ]);
        const at = [0, ...cuts.map((cut) => cut % all.length).sort((a, b) => a - b), all.length];
        const chunks = at.slice(1).map((to, i) => all.subarray(at[i], to));
        expect(read(chunks.map((c) => c.toString('latin1'))).body).toBe(
          Buffer.concat(pieces).toString('latin1'),
        );
      }),
    );
  });

  test.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab', 'ab'],
    ['without the bytes after its length', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab', 'a'],
    ['until the connection ends', 'HTTP/1.0 200 OK\r\n\r\nab', 'ab'],
    ['that is empty', 'HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n', ''],
    ['that a status does not have', 'HTTP/1.1 204 No Content\r\n\r\nab', ''],
    [
      'without the bytes after its last chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nab',
      '',
    ],
  ])('ResponseParser reads a body %s', (_, text, body) => {
    expect(read([text])).toMatchObject({ body, done: true });
    expect(read([...text])).toMatchObject({ body, done: true });
  });

  test.each([
    ['of another protocol', 'HTTP/2 200 OK\r\n\r\n', 'not HTTP/1.1'],
    ['that switches protocols', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'not HTTP/1.1'],
    ['in lines without CR', 'HTTP/1.1 200 OK\n\n', 'line without CR'],
    ['with a folded header', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n', 'invalid header'],
    ['with a space in a name', 'HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n', 'invalid header'],
    ['compressed', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'transfer-encoding'],
    [
      'with two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'content-length',
    ],
    ['with a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'content-length'],
    [
      'with chunks and a length',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n',
      'transfer-encoding',
    ],
    [
      'with a chunk without size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;x\r\n',
      'without size',
    ],
    ['with a negative chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n', 'without size'],
    [
      'with a chunk of a petabyte',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(14)}\r\n`,
      'without size',
    ],
    [
      'with a chunk longer than its size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
      'another size',
    ],
    ['with an endless head', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}`, 'too large'],
    [
      'with endless trailers',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(20_000)}`,
      'too large',
    ],
  ])('ResponseParser refuses a response %s', (_, text, message) => {
    expect(() => read([text], true)).toThrow(message);
    expect(() => read([...text], true)).toThrow(message);
  });
});
