/** Creates `v1.Event` objects in namespace default, where kubectl looks for Events of Nodes. */
import { apiRequest, type KubeConfigLike, type WatchError } from '@cnikit/watch';
import { USER_AGENT } from '../core/names.ts';
import type { EventSink } from './event-recorder.ts';

const PATH = '/api/v1/namespaces/default/events';

export function apiSink(config: KubeConfigLike, nodeName: string): EventSink {
  return {
    create: async ({ reason, message }, now) => {
      // Object names have at most 253 characters.
      const name = `${nodeName.slice(0, 180)}.cnikit.${now.toString(16)}.${reason.toLowerCase()}`;
      const time = new Date(now).toISOString();
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: 'default' },
        // The kubelet uses the Node's name as uid in Events, and kubectl selects them by it.
        involvedObject: { kind: 'Node', name: nodeName, uid: nodeName },
        type: 'Warning',
        reason,
        message,
        source: { component: USER_AGENT, host: nodeName },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
        reportingComponent: USER_AGENT,
        reportingInstance: nodeName,
      };
      await apiRequest(config, { method: 'POST', path: PATH, body }, USER_AGENT);
      return name;
    },
    repeat: async (name, { message }, count, now) => {
      try {
        const request = {
          method: 'PATCH',
          path: `${PATH}/${encodeURIComponent(name)}`,
          contentType: 'application/merge-patch+json',
          body: { message, count, lastTimestamp: new Date(now).toISOString() },
        } as const;
        await apiRequest(config, request, USER_AGENT);
        return true;
      } catch (error) {
        if ((error as WatchError).status === 404) {
          return false;
        }
        throw error;
      }
    },
  };
}
