/** The fields that name a pod and its interface in requests, files and the runtime's records. Pure. */

/** One interface of a container. */
export interface Attachment {
  containerId: string;
  ifName: string;
}

/** A pod of the API. */
export interface PodIdentity {
  namespace: string;
  name: string;
  /** Absent where the runtime does not pass K8S_POD_UID. */
  uid?: string | undefined;
}

/** Forms of the fields. Those of a pod are limited by the API, those of a container by libcni. */
const FORMS = {
  namespace: /^[a-z0-9][a-z0-9-]{0,62}$/,
  name: /^[a-z0-9][a-z0-9.-]{0,252}$/,
  uid: /^[!-~]{1,128}$/,
  containerId: /^[A-Za-z0-9][\w.-]{0,1023}$/,
  ifName: /^[^\s/:]{1,15}$/,
} as const;
/** Longest part of a value that an error repeats. */
const MAX_SHOWN = 100;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks the name of a pod.
 *
 * @throws {Error} that names the field, its value and what is expected
 */
export function parseIdentity(fields: Fields): PodIdentity {
  return {
    namespace: field(fields, 'namespace'),
    name: field(fields, 'name'),
    uid: fields.uid === undefined ? undefined : field(fields, 'uid'),
  };
}

/**
 * Checks the name of an interface.
 *
 * @throws {Error} that names the field, its value and what is expected
 */
export function parseAttachment(fields: Fields): Attachment {
  return { containerId: field(fields, 'containerId'), ifName: field(fields, 'ifName') };
}

function field(fields: Fields, name: keyof typeof FORMS): string {
  const value = fields[name];
  if (typeof value === 'string' && FORMS[name].test(value)) {
    return value;
  }
  throw new Error(`Invalid ${name} ${shown(value)}: expected ${FORMS[name].source}`);
}

/** Returns a value as an error repeats it. */
export const shown = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, MAX_SHOWN);
