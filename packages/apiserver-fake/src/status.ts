/** The `Status` objects that report failures of the API server. */

import { qualifiedName, type ResourceType } from './resources.ts';

/** A `Status` of the API. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string };
  status: 'Failure' | 'Success';
  message: string;
  reason: string;
  details?: Record<string, unknown>;
  code: number;
}

const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Expired',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** A failed request with its HTTP status; the router turns it into a response. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Record<string, unknown> | undefined;

  constructor(
    code: number,
    message: string,
    extra: { reason?: string; details?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = extra.reason ?? REASONS[code] ?? 'Unknown';
    this.details = extra.details;
  }

  /** Returns the response body. */
  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
  }
}

/** Returns the 404 error for an object. */
export function notFound(resource: ResourceType, name: string): ApiError {
  return new ApiError(404, `${qualifiedName(resource)} "${name}" not found`, {
    details: { name, group: resource.group || undefined, kind: resource.plural },
  });
}

/** Returns the 410 error for a watch of compacted history. */
export function expired(wanted: number | string, oldest: number): ApiError {
  return new ApiError(410, `too old resource version: ${wanted} (${oldest})`);
}

/** Returns the 410 error for a list of compacted history. */
export function expiredList(): ApiError {
  return new ApiError(410, 'The resourceVersion for the provided list is too old.');
}

/** Returns the 504 error for a resourceVersion newer than the server's. */
export function tooLarge(wanted: number, current: number): ApiError {
  return new ApiError(504, `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });
}
