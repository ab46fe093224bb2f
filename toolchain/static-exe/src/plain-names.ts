import { type AnyNode, type Class, parse } from 'acorn';

interface Edit {
  start: number;
  end: number;
  by: string;
}

/** A class around a node. */
interface Scope {
  /** The private names that it declares, and those of the properties that replace them. */
  names: ReadonlyMap<string, string>;
  edits: Edit[];
  /** True when it asks which objects have a private name. Properties would answer something else. */
  asks: boolean;
}

/**
 * Replaces the private names of a bundled script by names of properties, because QuickJS is slow with them, and an
 * executable has no other code to hide them from. A field without initialiser disappears: reading it finds `undefined` as
 * before.
 *
 * A subclass may declare a name that its superclass has too, so each class with a superclass gets names that no other
 * class has.
 *
 * @param script a name that no other script of the executable has
 */
export function withPlainNames(text: string, script: string): string {
  const all: Scope[] = [];
  const around: Scope[] = [];

  function scopeOf({ superClass, body }: Class): Scope {
    const prefix = superClass ? `_$${script}${all.length}$` : '_$';
    const names = new Map<string, string>();
    for (const member of body.body) {
      if ('key' in member && member.key.type === 'PrivateIdentifier') {
        names.set(member.key.name, prefix + member.key.name);
      }
    }
    return { names, edits: [], asks: false };
  }

  const scopeWith = (name: string) => around.findLast(({ names }) => names.has(name))!;

  function visit(node: AnyNode): void {
    if (node.type === 'PrivateIdentifier') {
      const { names, edits } = scopeWith(node.name);
      // A minified class may have `static#name`.
      const space = /\w/.test(text[node.start - 1]!) ? ' ' : '';
      edits.push({ start: node.start, end: node.end, by: space + names.get(node.name) });
      return;
    }
    if (node.type === 'BinaryExpression' && node.left.type === 'PrivateIdentifier') {
      scopeWith(node.left.name).asks = true;
    }
    if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') {
      if (node.superClass) {
        visit(node.superClass);
      }
      const scope = scopeOf(node);
      all.push(scope);
      around.push(scope);
      visit(node.body);
      around.pop();
    } else if (isEmptyPrivate(node)) {
      around.at(-1)!.edits.push({ start: node.start, end: node.end, by: '' });
    } else {
      for (const child of childrenOf(node)) {
        visit(child);
      }
    }
  }

  visit(parse(text, { ecmaVersion: 2023 }));
  const edits = all.flatMap((scope) => (scope.asks ? [] : scope.edits)).sort((a, b) => a.start - b.start);
  let plain = '';
  let at = 0;
  for (const { start, end, by } of edits) {
    plain += text.slice(at, start) + by;
    at = end;
  }
  return plain + text.slice(at);
}

function isEmptyPrivate(node: AnyNode): boolean {
  return (
    node.type === 'PropertyDefinition' && node.key.type === 'PrivateIdentifier' && !node.static && !node.value
  );
}

function childrenOf(node: AnyNode): AnyNode[] {
  return Object.values(node)
    .flat()
    .filter((child): child is AnyNode => typeof child?.type === 'string');
}
