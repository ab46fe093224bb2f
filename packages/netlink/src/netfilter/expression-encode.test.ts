import { expect, test } from 'vitest';
import { nfBody } from './attributes.ts';
import type { Expression } from './expression.ts';
import { constant, expressionAttributes } from './expression-encode.ts';

const encoded = (...expressions: Expression[]) =>
  nfBody('inet', [4, expressionAttributes(expressions, 'little')], 'little');
const inBigEndian = (expression: Expression) =>
  nfBody('inet', [4, expressionAttributes([expression], 'big')], 'big');

test.each([1, 2, 3, 4, 5, 8, 15, 16, 17])(
  'expressionAttributes() has %i bytes of data alike by each path',
  (size) => {
    const data = Uint8Array.from({ length: size }, (_, i) => i + 1);
    const all = [
      { name: 'cmp', sreg: 1, op: 0, data },
      { name: 'cmp', sreg: 1, op: 1, data },
      { name: 'cmp', sreg: 2, op: 0, data },
      ...[0, 1, 2, 3].map((dreg) => ({ name: 'immediate', dreg, data })),
    ] as Expression[];
    for (const one of all) {
      // An expression with a list of unknown attributes takes the general path.
      expect(encoded(one)).toEqual(encoded({ ...one, unknown: [] } as unknown as Expression));
      expect(encoded(constant({ ...one }))).toEqual(encoded(one));
    }
  },
);

test('expressionAttributes() encodes in advance for little endian only', () => {
  const compared = { name: 'cmp', sreg: 1, op: 0, data: Uint8Array.of(1, 2, 3, 4) } as Expression;
  const general = { ...compared, unknown: [] } as unknown as Expression;
  expect(inBigEndian(compared)).toEqual(inBigEndian(general));
  expect(inBigEndian(constant({ ...compared }))).toEqual(inBigEndian(general));
});

test('expressionAttributes() encodes in advance nothing with unknown attributes or a verdict', () => {
  const data = Uint8Array.of(1, 2, 3, 4);
  const unknown = [{ type: 9, nested: false, data }];
  const strange = { name: 'cmp', sreg: 1, op: 0, data, unknown } as unknown as Expression;
  expect(() => encoded(strange)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
  const both = { name: 'immediate', dreg: 1, data, verdict: { code: 0 } } as Expression;
  expect(encoded(both)).toEqual(encoded({ ...both, unknown: [] } as unknown as Expression));
  expect(encoded(both)).not.toEqual(encoded({ name: 'immediate', dreg: 1, data }));
});
