// Holds all nodes with one client in a separate process, prints a line of figures and exits. It is JavaScript and uses
// the built package, because Node's type stripping would add 20 MB.
import { readFileSync } from 'node:fs';

const [way, directory] = process.argv.slice(2);
const text = readFileSync(`${directory}/kubeconfig`, 'utf8');

/** Fields of a node that a routing agent needs. */
const select = (node) => ({
  podCIDRs: node.spec.podCIDRs,
  addresses: node.status.addresses.filter((a) => a.type === 'InternalIP').map((a) => a.address),
});

/** Credentials without any library, so that the figures are those of the way itself. The file is JSON. */
const { clusters, users } = JSON.parse(text);
const [{ cluster }] = clusters;
const kubeConfig = {
  getCurrentCluster: () => cluster,
  getCurrentUser: () => ({}),
  async applyToHTTPSOptions(options) {
    options.ca = Buffer.from(cluster['certificate-authority-data'], 'base64');
    options.headers = { Authorization: `Bearer ${users[0].user.token}` };
  },
};

const megabytes = (bytes) => Math.round(bytes / 1_048_576);
const started = performance.now();
let held;
let importMs = 0;
const imported = () => {
  importMs = performance.now() - started;
};

if (way === 'watch' || way === 'protobuf') {
  const { watch } = await import('@cnikit/watch');
  imported();
  const fields = { spec: { podCIDRs: true }, status: { addresses: true } };
  const addresses = [5, { type: [1, 'string'], address: [2, 'string'] }, 'repeated'];
  const message = { spec: [2, { podCIDRs: [7, 'string', 'repeated'] }], status: [3, { addresses }] };
  const form =
    way === 'watch'
      ? { fields }
      : {
          fields: { ...fields, status: { addresses: { type: true, address: true } } },
          protobuf: message,
        };
  const changes = watch({ kubeConfig, path: '/api/v1/nodes', select, ...form });
  held = (await changes.next()).value;
  if (held.type !== 'synced') {
    throw held.error;
  }
} else if (way === 'whole') {
  const https = await import('node:https');
  imported();
  const options = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const body = await new Promise((done) => {
    https.get(`${cluster.server}/api/v1/nodes`, options, (response) => {
      let all = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        all += chunk;
      });
      response.on('end', () => done(all));
    });
  });
  held = JSON.parse(body).items.map(select);
} else if (way === 'informer') {
  const { CoreV1Api, KubeConfig, makeInformer } = await import('@kubernetes/client-node');
  imported();
  const config = new KubeConfig();
  config.loadFromString(text);
  const api = config.makeApiClient(CoreV1Api);
  const informer = makeInformer(config, '/api/v1/nodes', () => api.listNode());
  await informer.start();
  held = informer;
}
const syncMs = performance.now() - started;
const { rss } = process.memoryUsage();
for (let turn = 0; turn < 3; turn += 1) {
  globalThis.gc?.();
  await new Promise((done) => setTimeout(done, 300));
}
const columns = {
  peak: megabytes(process.resourceUsage().maxRSS * 1024),
  atSync: megabytes(rss),
  later: megabytes(process.memoryUsage().rss),
  importMs: Math.round(importMs),
  syncMs: Math.round(syncMs),
};
console.log(
  way.padEnd(10),
  Object.entries(columns)
    .map(([k, v]) => `${k} ${String(v).padStart(5)}`)
    .join('  '),
);
process.exit(held === null ? 1 : 0);
