/** JSON patch (RFC 6902). */
import { isDeepStrictEqual } from 'node:util';
import { ApiError } from './status.ts';

/** kube-apiserver refuses more operations (maxJSONPatchOperations). */
const MAX_OPERATIONS = 10_000;
const OPS = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

/**
 * Returns the target with all operations applied, and leaves the target as it is.
 *
 * @throws {ApiError} 400 when the patch is not one, 413 when it has too many operations, 422 when an operation fails
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw new ApiError(400, 'json: cannot unmarshal the body into a list of JSON patch operations');
  }
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      413,
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  const root = { '': structuredClone(target) };
  for (const [i, operation] of patch.entries()) {
    apply(root, check(operation, i));
  }
  return root[''];
}

function check(value: unknown, i: number): Operation {
  const { op, path, from } = (value ?? {}) as Partial<Operation>;
  const moves = op === 'move' || op === 'copy';
  if (!OPS.includes(String(op)) || typeof path !== 'string' || (moves && typeof from !== 'string')) {
    throw new ApiError(400, `operation ${i} is not a JSON patch operation: ${JSON.stringify(value)}`);
  }
  return value as Operation;
}

function apply(root: object, { op, path, from = '', value }: Operation): void {
  switch (op) {
    case 'add':
      add(root, path, value);
      break;
    case 'remove':
      remove(root, path);
      break;
    case 'replace':
      remove(root, path);
      add(root, path, value);
      break;
    case 'move': {
      if (path.startsWith(`${from}/`)) {
        throw failure(op, path, 'a value cannot be moved into itself');
      }
      const moved = remove(root, from);
      add(root, path, moved);
      break;
    }
    case 'copy':
      add(root, path, structuredClone(read(root, from, op)));
      break;
    default:
      if (!isDeepStrictEqual(read(root, path, op), value)) {
        throw failure(op, path, 'the value differs');
      }
  }
}

const failure = (op: string, path: string, problem: string): ApiError =>
  new ApiError(422, `${op} operation does not apply: doc has path "${path}": ${problem}`);

/** Returns the parent of a path's value, and the last token of the path. The root is the property "" of `root`. */
function resolve(root: object, path: string, op: string): [parent: object, token: string] {
  if (path !== '' && !path.startsWith('/')) {
    throw failure(op, path, 'a path starts with "/"');
  }
  const tokens = path.split('/').map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent: unknown = root;
  for (const token of tokens.slice(0, -1)) {
    parent = child(parent, token);
  }
  if (typeof parent !== 'object' || parent === null) {
    throw failure(op, path, 'its parent does not exist');
  }
  return [parent, tokens.at(-1)!];
}

function child(parent: unknown, token: string): unknown {
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, token)) {
    return undefined;
  }
  return Array.isArray(parent) && !isIndex(token) ? undefined : (parent as Record<string, unknown>)[token];
}

const isIndex = (token: string): boolean => /^(0|[1-9]\d*)$/.test(token);

function read(root: object, path: string, op: string): unknown {
  const [parent, token] = resolve(root, path, op);
  const value = child(parent, token);
  if (value === undefined) {
    throw failure(op, path, 'it does not exist');
  }
  return value;
}

function add(root: object, path: string, value: unknown): void {
  const [parent, token] = resolve(root, path, 'add');
  const wanted = value === undefined ? null : value;
  if (!Array.isArray(parent)) {
    // Assignment to `__proto__` would change the prototype.
    Object.defineProperty(parent, token, {
      value: wanted,
      configurable: true,
      enumerable: true,
      writable: true,
    });
    return;
  }
  const at = token === '-' ? parent.length : isIndex(token) ? Number(token) : Number.NaN;
  if (!(at <= parent.length)) {
    throw failure('add', path, `the list has no such position: it has ${parent.length} items`);
  }
  parent.splice(at, 0, wanted);
}

function remove(root: object, path: string): unknown {
  const value = read(root, path, 'remove');
  const [parent, token] = resolve(root, path, 'remove');
  if (Array.isArray(parent)) {
    parent.splice(Number(token), 1);
  } else {
    Reflect.deleteProperty(parent, token);
  }
  return value;
}
