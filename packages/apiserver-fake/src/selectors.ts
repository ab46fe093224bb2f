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

/** `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b,c)`, `a>1`, `a<9`, joined by commas. */
export function labelSelector(text: string | null): Selector {
  if (text === null || text.trim() === '') {
    return () => true;
  }
  const terms = text.split(/,(?![^(]*\))/).map((raw) => labelTerm(raw.trim(), text));
  return (object) => {
    const labels = new Map(Object.entries(object.metadata.labels ?? {}));
    return terms.every((term) => term(labels));
  };
}

function labelTerm(term: string, text: string): (labels: ReadonlyMap<string, string>) => boolean {
  const [, setKey = '', inOrNot, list = ''] = /^([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(term) ?? [];
  if (inOrNot !== undefined) {
    const values = list.split(',').map((value) => value.trim());
    return (labels) => {
      const value = labels.get(setKey);
      return (value !== undefined && values.includes(value)) === (inOrNot === 'in');
    };
  }
  const [, key = '', operator, value = ''] = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/.exec(term) ?? [];
  if (operator !== undefined) {
    return (labels) => (labels.get(key) === value) === (operator !== '!=');
  }
  const [, numberKey = '', order, bound] = /^([\w./-]+)\s*([<>])\s*(-?\d+)$/.exec(term) ?? [];
  if (order !== undefined) {
    return (labels) => {
      const label = labels.get(numberKey) ?? '';
      return (
        /^-?\d+$/.test(label) &&
        (order === '>' ? Number(label) > Number(bound) : Number(label) < Number(bound))
      );
    };
  }
  const [, not, existsKey = ''] = /^(!?)\s*([\w./-]+)$/.exec(term) ?? [];
  if (not !== undefined) {
    return (labels) => labels.has(existsKey) === (not === '');
  }
  throw new ApiError(400, `unable to parse requirement: ${text}`);
}
