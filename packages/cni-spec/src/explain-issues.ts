import type { $ZodIssue, $ZodType } from 'zod/v4/core';

const MAX_ISSUES = 5;

/**
 * Returns in one line why a zod/mini schema refuses a value, such as
 * `ips[0].address: expected an address with a prefix length, such as 10.1.0.5/24, got "10.1.0.5"`,
 * or `undefined` if the schema accepts it.
 */
export function explainIssues(schema: $ZodType, value: unknown): string | undefined {
  const outcome = schema._zod.run({ value, issues: [] }, { async: false });
  if (outcome instanceof Promise) {
    throw new TypeError('The schema must be synchronous');
  }
  if (outcome.issues.length === 0) {
    return undefined;
  }
  const lines = outcome.issues.slice(0, MAX_ISSUES).map((issue) => describe(issue as $ZodIssue, value));
  if (outcome.issues.length > MAX_ISSUES) {
    lines.push(`and ${outcome.issues.length - MAX_ISSUES} more`);
  }
  return lines.join('; ');
}

function describe(issue: $ZodIssue, root: unknown): string {
  const path = issue.path ?? [];
  return `${pathText(path)}: ${expectation(issue)}, got ${shorten(valueAt(root, path))}`;
}

function expectation(issue: $ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected === 'record' ? 'object' : issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.map((one) => JSON.stringify(one)).join(' or ')}`;
    case 'too_small':
      return `expected at least ${issue.minimum}`;
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    case 'invalid_format':
      return `expected ${issue.pattern === undefined ? issue.format : `text like ${issue.pattern}`}`;
    case 'invalid_union':
      return issue.errors.flatMap((option) => option.slice(0, 1).map((one) => expectation(one))).join(' or ');
    default: {
      // In raw issues the message of `z.refine` is `inst._zod.def.error`, in zod/mini a function of the
      // issue.
      const raw = issue as unknown as {
        message?: string;
        inst?: { _zod: { def: { error?: (one: unknown) => unknown } } };
      };
      const text = raw.message ?? raw.inst?._zod.def.error?.(issue);
      return typeof text === 'string' ? text : 'expected something else';
    }
  }
}

function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') {
      text += `[${part}]`;
    } else {
      text += text === '' ? String(part) : `.${String(part)}`;
    }
  }
  return text === '' ? 'the document' : text;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) {
      return undefined;
    }
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function shorten(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  if (Array.isArray(value)) {
    return 'an array';
  }
  if (typeof value === 'object' && value !== null) {
    return 'an object';
  }
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
