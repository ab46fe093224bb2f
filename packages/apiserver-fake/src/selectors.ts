/** Field and label selectors, rejected where the real server rejects them. */
import type { KubeObject, ResourceType } from './resources.ts';
import { ApiError } from './status.ts';

export type Selector = (object: KubeObject) => boolean;

function fieldValue(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const part of path.split('.')) {
    value = (value as Record<string, unknown> | undefined)?.[part];
  }
  return value === undefined ? '' : String(value);
}

/** `metadata.name=n1,spec.unschedulable!=true`; 400 for a field that the resource does not index. */
export function fieldSelector(text: string | null, resource: ResourceType): Selector {
  if (text === null || text === '') {
    return () => true;
  }
  const terms = text.split(',').map((term) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
    if (match === null) {
      throw new ApiError(400, `invalid selector: '${text}'; can't understand '${term}'`);
    }
    const [, field, operator, value] = match as unknown as [string, string, string, string];
    if (!resource.fields.includes(field)) {
      throw new ApiError(400, `field label not supported: ${field}`);
    }
    return { field, equal: operator !== '!=', value };
  });
  return (object) => terms.every((t) => (fieldValue(object, t.field) === t.value) === t.equal);
}

/** `a=b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b,c)`, joined by commas. */
export function labelSelector(text: string | null): Selector {
  if (text === null || text === '') {
    return () => true;
  }
  const terms = text.split(/,(?![^(]*\))/).map((raw) => labelTerm(raw.trim(), text));
  return (object) => terms.every((term) => term(object.metadata.labels ?? {}));
}

function labelTerm(term: string, text: string): (labels: Record<string, string>) => boolean {
  const set = /^([\w./-]+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const [, key, operator, list] = set as unknown as [string, string, string, string];
    const values = list.split(',').map((v) => v.trim());
    return (labels) => {
      const value = labels[key];
      return (value !== undefined && values.includes(value)) === (operator === 'in');
    };
  }
  const equality = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/.exec(term);
  if (equality !== null) {
    const [, key, operator, value] = equality as unknown as [string, string, string, string];
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const exists = /^(!?)([\w./-]+)$/.exec(term);
  if (exists !== null) {
    return (labels) => (labels[exists[2]!] !== undefined) === (exists[1] === '');
  }
  throw new ApiError(400, `unable to parse requirement: ${text}`);
}
