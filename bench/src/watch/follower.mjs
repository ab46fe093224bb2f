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

/** Credentials without any library, so that the figures are those of the way itself. */
const part = (name) => new RegExp(`${name}: (\\S+)`).exec(text)[1];
const kubeConfig = {
  getCurrentCluster: () => ({ server: part('server') }),
  getCurrentUser: () => ({}),
  async applyToHTTPSOptions(options) {
    options.ca = Buffer.from(part('certificate-authority-data'), 'base64');
    options.headers = { Authorization: `Bearer ${part('token')}` };
  },
};

const megabytes = (bytes) => Math.round(bytes / 1_048_576);
const started = performance.now();
let held;
let importMs = 0;
const imported = () => {
  importMs = performance.now() - started;
};

if (way === 'watch') {
  const { watch } = await import('@cnikit/watch');
  imported();
  const fields = { spec: { podCIDRs: true }, status: { addresses: true } };
  const changes = watch({ kubeConfig, path: '/api/v1/nodes', fields, select });
  held = (await changes.next()).value;
} else if (way === 'whole') {
  const https = await import('node:https');
  imported();
  const options = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const body = await new Promise((done) => {
    https.get(`${part('server')}/api/v1/nodes`, options, (response) => {
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
