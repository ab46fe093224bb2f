import { randomNumbers } from './random-scripts.ts';

/** Functions whose code host/engine/shorten.c shortens: destructuring, conditions and constants. */
const written: readonly string[] = [
  // Destructuring: the order of evaluation, default values, nested patterns, and values other than objects.
  '() => { const log = [], f = (x) => (log.push(x), { a: x, b: undefined }); const { [f("k").a]: k, a, b = f("d").a } = f("v"); return [k, a, b, log]; }',
  '() => { const { a: { b: [c, d = c] }, e = c } = { a: { b: [1] } }; return [c, d, e]; }',
  '() => { let a, b, o = {}; ({ a, b: o.x, c: o["y"] = 3 } = { a: 1, b: 2 }); [a, b] = [b, a]; return [a, b, o]; }',
  '() => { let a, b; const all = ({ a, b } = { a: 1, b: 2, c: 3 }); return [a, b, all]; }',
  '() => { let a = 1, b = 2; for (const { x, y } of [{ x: 1, y: 2 }, { x: 3 }]) { a += x; b += y ?? 5; } return [a, b]; }',
  '() => { let a, all = []; for ({ a } of [{ a: 1 }, { a: 2 }]) all.push(a); for (let { length } in { ab: 1, c: 2 }) all.push(length); return all; }',
  '() => { const { length } = "abc", { length: n } = [1, 2], { length: m, ...rest } = "ab"; return [length, n, m, rest]; }',
  '() => { const { 0: a, [1]: b, ...rest } = "xyz"; return [a, b, rest]; }',
  '() => { const { toFixed, a } = 5, { valueOf, b = 2 } = true, { description } = Symbol("s"); return [toFixed === Number.prototype.toFixed, a, typeof valueOf, b, description]; }',
  '() => [null, undefined].map((value) => { const log = []; try { const { [(log.push("key"), "a")]: a } = value; return a; } catch (error) { return [error.name, log]; } })',
  '() => [null, undefined].map((value) => { try { const {} = value; return 1; } catch (error) { return error.name; } })',
  '() => [null, undefined, 1].map((value) => { try { const { a } = value; return a; } catch (error) { return error.name; } })',
  '() => [null, undefined, 1].map((value) => { try { const { length } = value; return length; } catch (error) { return error.name; } })',
  '() => { try { const { a, b = a.c.d } = { a: 1 }; } catch (error) { return error.name; } }',
  '() => { try { const { a = b, b } = {}; } catch (error) { return error.name; } }',
  '() => { const f = ({ a, b = 2 } = { a: 7 }, [c] = [a]) => [a, b, c]; return [f(), f({ a: 1 }), f(undefined, [3]), f({ a: 1, b: null }, "x"), f.length]; }',
  '() => { const f = ({ a: { b } = { b: 4 } } = {}) => b; try { return [f(), f({}), f({ a: { b: 5 } }), f({ a: null })]; } catch (error) { return error.name; } }',
  '() => { const f = (value) => { const { a, b } = value ?? { a: 1, b: 2 }; return [a, b]; }; return [f(), f(null), f({ b: 3 })]; }',
  '() => { const f = (c) => { let { a } = c ? { a: 1 } : { a: 2 }, { b } = { b: a }; return () => a++ + b; }; const g = f(1); return [g(), g(), f(0)()]; }',
  '() => { const f = () => { const { a = (() => { throw new RangeError("a"); })() } = {}; return a; }; try { return f(); } catch (error) { return error.name; } }',
  '() => { let n = 0; const { a, a: b, ...rest } = { get a() { return ++n; }, c: 1 }; return [a, b, rest, n]; }',
  '() => { function* g() { const { a, b = yield 2 } = yield 1; return [a, b]; } const it = g(); return [it.next(), it.next({ a: 1 }), it.next(5)]; }',
  'async () => { const { a, b } = await { a: 1, b: 2 }, { c = await 3 } = {}; return [a, b, c]; }',
  '() => { class A { #p = 1; q = 2; m({ q } = this) { const { q: r } = this; return [q, r, this.#p, !0, !1]; } } return new A().m(); }',
  '() => { const { a: a1 } = { a: 1 }, { b: b1 } = (() => { const { c } = { c: { b: 4 } }; return c; })(); { const { a1: x } = { a1 }; return [a1, b1, x]; } }',
  '() => { let seen; const o = { set p(v) { seen = v; } }; ({ a: o.p } = { a: 6 }); return seen; }',
  '() => { try { ({ a: x } = { a: 1 }); let x; } catch (error) { return error.name; } }',
  '() => { const o = { m() { return this.v; }, v: 3 }; const { m, v } = o; try { return [o.m(), v, m()]; } catch (error) { return [error.name, v]; } }',
  '() => { label: { const { a } = { a: 1 }; if (a) break label; return 0; } return 2; }',
  '() => { const all = []; for (let { i, n } = { i: 0, n: 3 }; i < n; i++) all.push(() => i); return all.map((f) => f()); }',
  '() => { try { throw { a: 1, b: [2] }; } catch ({ a, b: [c], d = c }) { return [a, c, d]; } }',
  // Constants and negations.
  '() => [!0, !1, !!0, !!1, !2, !-1, !!!0]',
  '() => [!0 ? 1 : 2, !1 ? 1 : 2, !0 && 3, !1 || 4, !0 || 5]',
  '() => [0, 1, "", "a", null, [], NaN, 0n, 1n].map((x) => [!x, !!x, !x ? 1 : 2, !!x ? 1 : 2, !(!x && 1) ? 3 : 4])',
  // Code behind a chain.
  '() => [0, 1, 2, 3].map((n) => { const a = n & 1, b = n & 2; let s = ""; if (a && b) s += "x"; if (a || b) s += "y"; while (a && b && s.length < 4) s += "z"; return [s, a && b, a || b, (a && b) || 7, (a || b) && 8]; })',
  '() => [0, 1, 2, 3, 4, 5, 6, 7].map((n) => { const a = n & 1, b = n & 2, c = n & 4; return [(a && b && c) ? 1 : 0, ((a && b) || c) ? 1 : 0, (a && (b || c)) ? 1 : 0, (a || b || c) ? 1 : 0, a && b && c, a && (b || c), (a && b) || c, (a && b) ?? c]; })',
  '() => { const log = []; const f = (x) => (log.push(x), x); for (let i = 0; f(i < 3) && f(i !== 2) && f(1); i++) f("b"); do { f("d"); } while (f(0) && f(1)); return log; }',
  '() => { const o = { a: { b: 0, f() { return this.b; } }, n: null }; return [o?.a?.b, o.x?.a.b, o.n?.x, o.a.f?.(), o.x?.f(), (o.n?.x ?? 1) && 2, o.a?.b || 3, delete o.n?.x, o?.a && o.a.b && 4]; }',
  '() => { let a = null, b = 0, c = 1; a ??= 2; b ||= 3; c &&= 4; return [a, b, c, (a &&= 0) || 5, (b ??= 6) && 7]; }',
];

/** Functions with instructions that host/engine/joined.c joins, beyond those above. */
const joined: readonly string[] = [
  '() => { let drop; const f = function (o) { drop = () => { o = null; }; return [o.x, o]; }; return f({ get x() { drop(); return this.y; }, y: 5 }); }',
  '() => { const f = (o) => o.x; return [f({ x: 1 }), f("s"), f(5), f(new Proxy({}, { get: () => 3 })), f({ get x() { return 4; } }), [null, undefined].map((o) => { try { return f(o); } catch (error) { return error.name; } })]; }',
  '() => [[1, 1], [1, 2], [1, "1"], ["a", "b"], ["a", "a"], [1n, 2], [1n, 1n], [{ valueOf: () => 0 }, 1], [NaN, NaN], [0, -0], [null, undefined], [0.5, 1]].map(([a, b]) => { let s = ""; if (a === b) s += "same"; if (a < b) s += "less"; return s; })',
  '() => { const f = (a, b) => { if (a < b) return 1; return 2; }; try { return f({ valueOf() { throw new RangeError("v"); } }, 1); } catch (error) { return error.name; } }',
  '() => { const f = (a, b = a?.b, { c = b?.() ?? 7 } = {}) => [typeof b, c]; return [f(), f(null), f({ b: () => 1 }), f({ b: () => null }), f({}, 0, { c: null }), f({}, undefined, { c: undefined })]; }',
];

/** Functions that use what the build stage made, which `kept` has: the start must not change or free it. */
const frozen: readonly string[] = [
  '() => { let all = kept.text; for (let i = 0; i < 20; i++) all += "z"; return [all, kept.text, kept.text.length]; }',
  '() => { const o = {}; for (let i = 0; i < 3; i++) { o[kept.key] = i; delete o[kept.key]; } o[kept.key] = 9; return [Object.keys(o), kept.key, o[kept.key]]; }',
  '() => { const s = []; for (let i = 0; i < 30; i++) s.push(new RegExp(kept.pattern).test("abab"), Symbol(kept.other).description); return [s.length, kept.pattern, s[1]]; }',
  '() => { kept.count++; kept.list.push("x".repeat(kept.count)); kept.list = kept.list.slice(-2); const { big } = kept; kept.big = big + 1n; kept.made = { of: kept.list }; return [kept.list, kept.count, big, kept.made, kept.symbol.description]; }',
  '() => { const m = new Map([[kept.symbol, 1], [kept.big, 2], [kept.text, 3]]); kept.map.set("now", { m }); return [m.get(kept.symbol), m.get(kept.text), kept.map.size, [...kept.map.keys()]]; }',
  '() => { let n = 0; for (let i = 0; i < 20000; i++) { const o = { text: kept.text, list: kept.list, i }; n += o.text.length; const s = kept.rope + i; n += s.length; } return [n, kept.rope.length]; }',
];

/** Returns an expression of conditions, whose leaves write a log. */
function condition(random: (below: number) => number, depth: number): string {
  const part = () => condition(random, depth - 1);
  switch (depth === 0 ? 0 : random(8)) {
    case 0:
      return `f(${random(6)})`;
    case 1:
    case 2:
      return `(${part()} && ${part()})`;
    case 3:
    case 4:
      return `(${part()} || ${part()})`;
    case 5:
      return `!${part()}`;
    case 6:
      return `(${part()} ? ${part()} : ${part()})`;
    default:
      return `(f(${random(6)}) ?? ${part()})`;
  }
}

function conditions(count: number): string[] {
  const random = randomNumbers(11);
  return Array.from({ length: count }, () => {
    const [first, second, third] = [4, 3, 3].map((depth) => condition(random, depth));
    return `() => { const all = [];
      for (let state = 0; state < 64; state++) {
        const log = [], f = (i) => (log.push(i), i === 5 && state & 32 ? null : (state >> i) & 1);
        if (${first}) log.push('then'); else log.push('else');
        for (let i = 0; ${second} && i < 2; i++) log.push('loop');
        log.push(${third});
        all.push(log.join());
      }
      return all;
    }`;
  });
}

export const shortenCases: readonly string[] = [...written, ...joined, ...frozen, ...conditions(60)];
