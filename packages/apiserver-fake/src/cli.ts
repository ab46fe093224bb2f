#!/usr/bin/env node
/**
 * Runs the server as a separate process:
 *
 *     cnikit-apiserver-fake --host 10.0.0.1 --port 6443 \
 *       --rbac deploy/base/rbac.yaml --control /run/apiserver.sock --kubeconfig /run/kubeconfig
 *
 * Prints one line of JSON when it listens and exits on SIGTERM or SIGINT.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ControlAddress, serveControl } from './control.ts';
import type { KubeObject } from './resources.ts';
import { startApiServer } from './server.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    name: { type: 'string', multiple: true },
    rbac: { type: 'string' },
    control: { type: 'string' },
    kubeconfig: { type: 'string' },
    nodes: { type: 'string' },
  },
});

const server = await startApiServer({
  host: values.host,
  port: Number(values.port),
  names: values.name,
  clusterRoleFile: values.rbac,
  ...(values.nodes === undefined
    ? {}
    : { nodes: JSON.parse(readFileSync(values.nodes, 'utf8')) as KubeObject[] }),
});
if (values.kubeconfig !== undefined) {
  writeFileSync(values.kubeconfig, server.kubeconfig(), { mode: 0o600 });
}
const address: ControlAddress | undefined =
  values.control !== undefined && /^\d+$/.test(values.control) ? Number(values.control) : values.control;
const control = address === undefined ? undefined : await serveControl(server, address);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, async () => {
    await control?.close();
    await server.close();
  });
}
console.log(JSON.stringify({ url: server.url, port: server.port, control: values.control ?? null }));
