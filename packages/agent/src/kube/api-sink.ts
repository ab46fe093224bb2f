/** Events by the API: `v1.Event` in namespace default, where kubectl looks for those of Nodes. */
import type { KubeConfigLike } from '@cnikit/watch';
import { type ApiRequestError, apiRequest } from './api-request.ts';
import type { EventSink } from './event-recorder.ts';

const PATH = '/api/v1/namespaces/default/events';

export function apiSink(config: KubeConfigLike, nodeName: string): EventSink {
  return {
    create: async ({ reason, message }, now) => {
      // 253 characters at most, as every object's name.
      const name = `${nodeName.slice(0, 180)}.cnikit.${now.toString(16)}.${reason.toLowerCase()}`;
      const time = new Date(now).toISOString();
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: 'default' },
        // The kubelet's Events about its Node have the Node's name as uid, and kubectl asks for them by it.
        involvedObject: { kind: 'Node', name: nodeName, uid: nodeName },
        type: 'Warning',
        reason,
        message,
        source: { component: 'cnikit-agent', host: nodeName },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
        reportingComponent: 'cnikit-agent',
        reportingInstance: nodeName,
      };
      await apiRequest(config, { method: 'POST', path: PATH, body });
      return name;
    },
    repeat: async (name, { message }, count, now) => {
      try {
        await apiRequest(config, {
          method: 'PATCH',
          path: `${PATH}/${encodeURIComponent(name)}`,
          type: 'application/merge-patch+json',
          body: { message, count, lastTimestamp: new Date(now).toISOString() },
        });
        return true;
      } catch (error) {
        if ((error as ApiRequestError).status === 404) {
          return false;
        }
        throw error;
      }
    },
  };
}
