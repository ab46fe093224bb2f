// Follows the ConfigMaps of a namespace and prints each change as a JSON line. Arguments: KUBECONFIG NAMESPACE.

import { argv } from 'node:process';
import { watch } from '@cnikit/watch';
import { KubeConfig } from '@kubernetes/client-node';

const [kubeconfig = '', namespace = ''] = argv.slice(2);
const kubeConfig = new KubeConfig();
kubeConfig.loadFromFile(kubeconfig);

interface ConfigMap {
  metadata: { name: string };
  data?: Record<string, string>;
}

const changes = watch<string, ConfigMap>({
  kubeConfig,
  path: `/api/v1/namespaces/${namespace}/configmaps`,
  select: ({ data }) => data?.value ?? '',
  hooks: { onWatchEnd: ({ reason }) => console.log(JSON.stringify({ type: 'end', reason })) },
});
for await (const change of changes) {
  if (change.type === 'synced') {
    console.log(JSON.stringify({ type: 'synced', objects: Object.fromEntries(change.objects) }));
  } else if (change.type === 'stale') {
    console.log(JSON.stringify({ type: 'stale', error: change.error.code }));
  } else {
    console.log(JSON.stringify(change));
  }
}
