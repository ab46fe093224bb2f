import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { withPlainNames } from '../src/plain-names.ts';

const results = (text: string) => [text, withPlainNames(text, 'script')].map((one) => runInNewContext(one));

describe('withPlainNames()', () => {
  test.each([
    [
      'fields',
      'class A { #x; #y = 2; constructor() { this.#x = 1; } sum() { return this.#x + this.#y; } } new A().sum()',
    ],
    ['a field that is never set', 'class A { #x; get() { return this.#x?.y ?? "none"; } } new A().get()'],
    [
      'methods',
      'class A { #twice(n) { return 2 * n; } static #id(n) { return n; } m() { return A.#id(this.#twice(3)); } } new A().m()',
    ],
    [
      'accessors',
      'class A { #n = 1; get #v() { return this.#n; } set #v(n) { this.#n = n; } m() { this.#v += 4; return this.#v; } } new A().m()',
    ],
    [
      'no space before a name',
      'class A{static#a=1;static async#b(){}get#c(){return A.#a}static#d(){return new A().#c}static m(){return A.#d()}}A.m()',
    ],
    [
      'static fields',
      'class A { static #count; static #all = [7]; static m() { A.#count = A.#all.length; return A.#count; } } A.m()',
    ],
    [
      'a class in a class',
      'class A { #x = 1; m() { const a = this; return new (class { #y = 2; m() { return a.#x + this.#y; } })().m(); } } new A().m()',
    ],
    [
      'the same name in two classes',
      'class A { #x = 1; m() { const a = this; return new (class { #x = 2; m() { return this.#x; } })().m() + a.#x; } } new A().m()',
    ],
    [
      'a superclass',
      'class A { #x = 1; a() { return this.#x; } } class B extends A { #x = 2; b() { return this.#x; } } class C extends B { #x = 3; c() { return [this.a(), this.b(), this.#x].join(); } } new C().c()',
    ],
    [
      'a superclass that uses a private name',
      'class A { static #base = class { m() { return 5; } }; static sub() { return class extends A.#base { #x = 1; m() { return super.m() + this.#x; } }; } } new (A.sub())().m()',
    ],
    [
      'texts that look like private names',
      'class A { #x = 1; m() { return "this.#x" + `#x` + this.#x + /#x/.source; } } new A().m()',
    ],
    [
      'questions for private names',
      'class A { #x = 1; y = 2; static has(o) { return #x in o; } } [A.has(new A()), A.has({ ...new A() })].join()',
    ],
  ])('withPlainNames() keeps the result of a script with %s', (_, text) => {
    const [before, after] = results(text);
    expect(after).toEqual(before);
  });

  test('withPlainNames() leaves only private names of classes that ask for them', () => {
    const text = 'class A { #x; m() { return this.#x; } } class B { #y; m(o) { return #y in o; } }';
    expect(withPlainNames(text, '')).toBe(
      'class A {  m() { return this._$x; } } class B { #y; m(o) { return #y in o; } }',
    );
  });

  test('withPlainNames() gives each subclass names that no other class has', () => {
    const text = 'class A extends Object { #x = 1 } class B extends A { #x = 1 }';
    const names = withPlainNames(text, 'script').match(/_\$\w*\$x/g);
    expect(new Set(names).size).toBe(2);
    expect(withPlainNames(text, 'other').match(/_\$\w*\$x/g)).not.toEqual(names);
  });
});
