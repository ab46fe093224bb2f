/** Reads policies with the schemas, which explain faults. Loaded for the first policy that is not valid. */
import { type NetworkPolicy, readObject } from '@cnikit/policy';
import { objectOf, policyOf, type WatchedPolicy } from './objects.ts';

/**
 * Reads a policy. One that has a field of a later API isolates the pods that it selects, and all pods of its namespace
 * where the selector is the fault.
 */
export function readPolicy(value: unknown): WatchedPolicy {
  const { metadata, spec } = objectOf(value);
  const read = (fields: unknown) =>
    readObject(policyOf(metadata, fields as NetworkPolicy['spec'])) as NetworkPolicy;
  try {
    return { policy: read(spec) };
  } catch (error) {
    const closed = { policyTypes: ['Ingress', 'Egress'] };
    const fault = (error as Error).message;
    try {
      return { policy: read({ ...closed, podSelector: objectOf(spec).podSelector }), fault };
    } catch {
      return { policy: read(closed), fault };
    }
  }
}
