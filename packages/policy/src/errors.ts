/** Reports an object that the API server would refuse. Names the object, the field and the fault. */
export class InvalidObjectError extends Error {
  override readonly name = 'InvalidObjectError';

  constructor(object: unknown, issues: readonly { path: readonly PropertyKey[]; message: string }[]) {
    const faults = issues.map(({ path, message }) => `${fieldOf(path)}: ${message}`);
    super(`Invalid ${nameOf(object)}: ${faults.join('; ')}`);
  }
}

/** Reports an argument that a function cannot take, such as a port that is a text. Names the argument, its value and the fix. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';

  constructor(argument: string, value: unknown, fix: string) {
    super(`Invalid ${argument} ${textOf(value)}: ${fix}`);
  }
}

/** Reports an endpoint that does not exist or has no address to ask about. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
}

/** Returns a value as code, cut where it is long. */
function textOf(value: unknown): string {
  const text = jsonOf(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Returns undefined for what JSON has no text for, such as bigints and objects with cycles. */
function jsonOf(value: unknown): string | undefined {
  try {
    return typeof value === 'function' ? undefined : JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function nameOf(object: unknown): string {
  const { kind, metadata } = object as {
    kind: string;
    metadata?: { namespace?: unknown; name?: unknown } | null;
  };
  const { namespace, name } = metadata ?? {};
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name ?? 'without a name'}`;
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text && '.'}${String(part)}`),
    '',
  );
}
