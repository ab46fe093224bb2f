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

const USAGE = `cnikit-apiserver-fake [OPTIONS]: run a fake Kubernetes API server until SIGTERM

  --host ADDRESS     address to listen on (default 127.0.0.1)
  --port PORT        port to listen on (default: a free one)
  --name NAME        additional name in the certificate, repeatable
  --rbac FILE        YAML of the roles and bindings that limit the token
  --control PATH     unix socket, or port on 127.0.0.1, that controls the server
  --kubeconfig FILE  file to write the kubeconfig to
  --nodes FILE       JSON array of the Nodes that exist at the start`;

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    name: { type: 'string', multiple: true },
    rbac: { type: 'string' },
    control: { type: 'string' },
    kubeconfig: { type: 'string' },
    nodes: { type: 'string' },
    help: { type: 'boolean' },
  },
});

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const server = await startApiServer({
  host: values.host,
  port: Number(values.port),
  names: values.name,
  rbacFile: values.rbac,
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
