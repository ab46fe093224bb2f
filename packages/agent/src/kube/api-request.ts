/** One request to the API server, with the credentials that the files hold now. */
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfigLike } from '@cnikit/watch';
import { AgentError } from '../core/error.ts';

const TIMEOUT_MS = 30_000;
/** More than any object that is asked for. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH';
  path: string;
  /** Of the body; JSON when absent. */
  type?: string;
  body?: unknown;
  timeoutMs?: number;
}

/** Code `API`; `status` is that of the answer, absent when none came. */
export class ApiRequestError extends AgentError {
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super('API', message, options);
    this.status = status;
  }
}

/** The answer's JSON. Rejects with {@link ApiRequestError} when none comes, and for a status other than 2xx. */
export async function apiRequest(config: KubeConfigLike, request: ApiRequest): Promise<unknown> {
  const { method, path, type = 'application/json', body, timeoutMs = TIMEOUT_MS } = request;
  const url = new URL(config.getCurrentCluster()!.server.replace(/\/+$/, '') + path);
  const options = await requestOptions(config);
  const text = body === undefined ? '' : JSON.stringify(body);
  options.method = method;
  options.signal = AbortSignal.timeout(timeoutMs);
  options.headers = {
    ...options.headers,
    ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
    accept: 'application/json',
    'user-agent': 'cnikit-agent',
  };
  const { status, answer } = await send(url, options, text).catch((error: Error) => {
    throw new ApiRequestError(`Cannot talk to ${url.origin}: ${error.message}`, undefined, { cause: error });
  });
  if (status < 200 || status > 299) {
    throw new ApiRequestError(`${method} ${path}: status ${status}${reason(answer)}`, status);
  }
  try {
    return JSON.parse(answer);
  } catch (error) {
    throw new ApiRequestError(`${method} ${path}: the answer is not JSON`, status, { cause: error });
  }
}

function send(url: URL, options: RequestOptions, text: string): Promise<{ status: number; answer: string }> {
  return new Promise((done, fail) => {
    const begin = url.protocol === 'http:' ? httpRequest : httpsRequest;
    const request = begin(url, options, async (response) => {
      try {
        let answer = '';
        for await (const chunk of response.setEncoding('utf8')) {
          if (answer.length < MAX_BYTES) {
            answer += chunk;
          }
        }
        done({ status: response.statusCode ?? 0, answer });
      } catch (error) {
        fail(error);
      }
    });
    request.on('error', fail);
    request.end(text);
  });
}

/** The sentence of a `v1.Status`, if that is what came. */
function reason(answer: string): string {
  try {
    return `, ${(JSON.parse(answer) as { message: string }).message}`;
  } catch {
    return '';
  }
}

/** Tokens and certificates are rotated, so nothing of them is kept. */
async function requestOptions(config: KubeConfigLike): Promise<RequestOptions> {
  const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const provider = config.getCurrentUser()?.authProvider as { config?: { tokenFile?: string } } | undefined;
  const file = provider?.config?.tokenFile;
  if (file !== undefined) {
    options.headers.Authorization = `Bearer ${readFileSync(file, 'utf8').trim()}`;
  }
  // KubeConfig's agent keeps the certificates that it was made with; only a proxy needs it.
  if (!config.getCurrentCluster()?.proxyUrl) {
    options.agent = false;
  }
  return options;
}
