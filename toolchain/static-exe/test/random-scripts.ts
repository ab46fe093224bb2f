/** Random functions that use `let` variables before and after they are initialised, by every kind of control flow. */

/** Returns numbers from 0 to `below`, the same ones for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // Constants of Numerical Recipes.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Returns the text of a function expression without parameters, which returns or throws and always ends. */
export function randomFunction(random: (below: number) => number): string {
  let count = 0;
  const use = (names: readonly string[]): string => {
    const name = names[random(names.length)]!;
    const uses = [
      `r(${name});`,
      `${name}++;`,
      `${name} += 2;`,
      `r(() => ${name});`,
      `r(typeof ${name});`,
      `if (${name} > 3) r('big');`,
    ];
    return uses[random(uses.length)]!;
  };
  const block = (outer: readonly string[], depth: number): string => {
    const own = Array.from({ length: random(3) }, () => `v${count++}`);
    const names = [...outer, ...own];
    const lines: string[] = own.map((name) => `let ${name} = ${random(4) === 0 ? use1(names) : random(5)};`);
    for (let i = 1 + random(4); i > 0; i--) {
      const line = depth > 0 && random(3) > 0 ? statement(names, depth - 1) : use(names);
      lines.splice(random(lines.length + 1), 0, line);
    }
    return lines.join('\n');
  };
  const use1 = (names: readonly string[]) => names[random(names.length)]!;
  const statement = (names: readonly string[], depth: number): string => {
    const inner = () => block(names, depth);
    const n = `n${count++}`;
    switch (random(7)) {
      case 0:
        return `if (k() % 2) {\n${inner()}\n} else {\n${inner()}\n}`;
      case 1:
        return `for (let ${n} = 0; ${n} < 3; ${n}++) {\n${block([...names, n], depth)}\nif (k() % 5 === 0) continue;\n${use(names)}\n}`;
      case 2:
        return `switch (k() % 3) {\ncase 0:\n${inner()}\ncase 1:\n${inner()}\nbreak;\ndefault:\n${inner()}\n}`;
      case 3:
        return `try {\n${inner()}\nif (k() % 3 === 0) throw 1;\n} catch (${n}) {\nr(${n}.name ?? ${n});\n${inner()}\n} finally {\n${inner()}\n}`;
      case 4:
        return `l${n}: {\n${inner()}\nif (k() % 2) break l${n};\n${inner()}\n}`;
      case 5:
        return `for (const ${n} of [1, 2]) {\n${inner()}\nif (k() % 4 === 0) break;\n}`;
      default:
        return `{ let ${n} = 0; do {\n${block([...names, n], depth)}\n} while (${n}++ < 2); }`;
    }
  };
  return `() => {\nlet first = 0;\n${block(['first'], 3)}\n}`;
}

/** Returns a script that calls the functions and prints what each used, with the name of its error. */
export function scriptOf(functions: readonly string[], print: string): string {
  return `const out = [];
    for (const run of [${functions.join(',\n')}]) {
      const log = [];
      let n = 0;
      globalThis.k = () => n++;
      globalThis.r = (value) => {
        log.push(typeof value === 'function' ? value() : value);
        if (log.length > 200) throw new RangeError('enough');
      };
      try { run(); } catch (error) { log.push(error.name ?? error); }
      out.push(log.join(' '));
    }
    ${print}(JSON.stringify(out));`;
}
