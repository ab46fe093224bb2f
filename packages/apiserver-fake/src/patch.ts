/** JSON merge patch (RFC 7386) and the subset of strategic merge patch needed for node status. */
import { jsonPatch } from './json-patch.ts';
import { ApiError } from './status.ts';

type Json = Record<string, unknown>;

/** Lists that a strategic merge patch merges by key instead of replacing them (the API's patchMergeKey). */
const MERGE_KEYS: Record<string, string> = {
  'status.conditions': 'type',
  'status.addresses': 'type',
  'spec.taints': 'key',
  'metadata.ownerReferences': 'uid',
};

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) {
    return patch;
  }
  const result: Json = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete result[key];
    } else {
      result[key] = mergePatch(result[key], value);
    }
  }
  return result;
}

export function strategicMergePatch(target: unknown, patch: unknown, path = ''): unknown {
  if (!isObject(patch)) {
    return patch;
  }
  const result: Json = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (key === '$retainKeys' || key.startsWith('$setElementOrder/')) {
      continue;
    }
    if (key.startsWith('$')) {
      throw new ApiError(422, `Directive ${key} is not supported here`);
    }
    const mergeKey = MERGE_KEYS[at];
    if (value === null) {
      delete result[key];
    } else if (Array.isArray(value) && mergeKey !== undefined) {
      result[key] = mergeList(result[key], value, mergeKey);
    } else {
      result[key] = strategicMergePatch(result[key], value, at);
    }
  }
  return result;
}

function mergeList(target: unknown, patch: readonly unknown[], mergeKey: string): unknown[] {
  const result: unknown[] = Array.isArray(target) ? [...target] : [];
  for (const item of patch) {
    if (!isObject(item) || item[mergeKey] === undefined) {
      throw new ApiError(
        422,
        `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`,
      );
    }
    const at = result.findIndex((old) => isObject(old) && old[mergeKey] === item[mergeKey]);
    if (item.$patch === 'delete') {
      if (at >= 0) {
        result.splice(at, 1);
      }
    } else if (at >= 0) {
      result[at] = { ...(result[at] as Json), ...item };
    } else {
      result.push(item);
    }
  }
  return result;
}

/** Applies a patch by its media type; 415 for an unsupported one. */
export function applyPatch(contentType: string, target: unknown, patch: unknown): unknown {
  switch (contentType.split(';')[0]!.trim()) {
    case 'application/merge-patch+json':
      return mergePatch(target, patch);
    case 'application/strategic-merge-patch+json':
      return strategicMergePatch(target, patch);
    case 'application/json-patch+json':
      return jsonPatch(target, patch);
    default:
      throw new ApiError(
        415,
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json',
      );
  }
}
