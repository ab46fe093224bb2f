/** Create, update, patch and delete. */
import { applyPatch } from './patch.ts';
import { type KubeObject, keyOf, qualifiedName, type ResourceType } from './resources.ts';
import { ApiError, notFound } from './status.ts';
import type { Store, Stored } from './store.ts';

export interface WriteRequest {
  verb: string;
  resource: ResourceType;
  namespace: string | undefined;
  name: string | undefined;
  subresource: 'status' | undefined;
  contentType: string;
  body: unknown;
}

export function write(store: Store, request: WriteRequest): { status: number; json: string } {
  if (request.verb === 'create') {
    return { status: 201, json: create(store, request).json };
  }
  const key = keyOf(request.namespace, request.name!);
  if (request.verb === 'delete') {
    return { status: 200, json: store.delete(request.resource, key).json };
  }
  const old = existing(store, request.resource, request.namespace, request.name!);
  const wanted =
    request.verb === 'update' ? request.body : applyPatch(request.contentType, old.object, request.body);
  const next = asObject(wanted);
  // The namespace follows from the path; a body may omit it.
  if (request.resource.namespaced) {
    next.metadata = { ...next.metadata, namespace: checkNamespace(next, request) };
  }
  if (next.metadata.name !== request.name) {
    throw new ApiError(
      400,
      `the name of the object (${next.metadata.name}) does not match the name on the URL`,
    );
  }
  const { resourceVersion, uid } = next.metadata;
  if (
    (resourceVersion !== undefined && resourceVersion !== old.object.metadata.resourceVersion) ||
    (uid !== undefined && uid !== old.object.metadata.uid)
  ) {
    throw new ApiError(
      409,
      `Operation cannot be fulfilled on ${qualifiedName(request.resource)} "${request.name}": the object has been modified; please apply your changes to the latest version and try again`,
    );
  }
  const merged = separate(old.object, next, request);
  // A write without changes creates no revision, as on the real server.
  if (JSON.stringify(merged) === old.json) {
    return { status: 200, json: old.json };
  }
  return { status: 200, json: store.put(request.resource, merged).json };
}

/** Only the status subresource changes `status`, and it changes nothing else. */
function separate(old: KubeObject, next: KubeObject, request: WriteRequest): KubeObject {
  if (!request.resource.status) {
    return next;
  }
  const result = request.subresource === 'status' ? { ...old } : { ...next };
  const status = request.subresource === 'status' ? next.status : old.status;
  if (status === undefined) {
    delete result.status;
  } else {
    result.status = status;
  }
  return result;
}

function create(store: Store, request: WriteRequest): Stored {
  const given = asObject(request.body);
  const metadata = { ...given.metadata };
  const { generateName } = metadata;
  if (metadata.name === undefined && typeof generateName === 'string') {
    metadata.name = `${generateName}${(store.rv + 1).toString(36).padStart(5, '0')}`;
  }
  if (typeof metadata.name !== 'string' || metadata.name === '') {
    throw new ApiError(422, 'metadata.name: Required value: name or generateName is required');
  }
  if (request.resource.namespaced) {
    if (request.namespace === undefined) {
      throw new ApiError(405, 'create needs a namespace in the path');
    }
    metadata.namespace = checkNamespace(given, request);
  }
  const key = keyOf(request.namespace, metadata.name);
  if (store.get(request.resource, key) !== undefined) {
    throw new ApiError(409, `${qualifiedName(request.resource)} "${metadata.name}" already exists`, {
      reason: 'AlreadyExists',
    });
  }
  return store.put(request.resource, { ...given, metadata });
}

/** @throws {ApiError} 404 when the object does not exist */
export function existing(
  store: Store,
  resource: ResourceType,
  namespace: string | undefined,
  name: string,
): Stored {
  const stored = store.get(resource, keyOf(namespace, name));
  if (stored === undefined) {
    throw notFound(resource, name);
  }
  return stored;
}

function checkNamespace({ metadata }: KubeObject, { namespace }: WriteRequest): string | undefined {
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw new ApiError(
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  return namespace;
}

function asObject(value: unknown): KubeObject {
  const object = value as KubeObject | null;
  if (
    typeof object !== 'object' ||
    object === null ||
    typeof object.metadata !== 'object' ||
    object.metadata === null
  ) {
    throw new ApiError(400, 'the object provided is unrecognized (must be of type with metadata)');
  }
  return object;
}
