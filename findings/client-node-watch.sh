#!/bin/sh
# Guess: an error that the callback of client-node's Watch throws ends the watch or the program, and a watch with
# timeoutSeconds=300 stays open for 300 s.
#
# @kubernetes/client-node 2.0.1 calls the callback in the `try` of its JSON parser and drops every error, so the program
# goes on without the change. It also ends a watch after 30 s without a byte, with a TimeoutError, even when timeoutSeconds
# is longer. kube-apiserver sends a bookmark about once a minute, so no watch of a quiet resource lives longer.
#
# Needs Node.js 22.18 or newer and npm.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @kubernetes/client-node@2.0.1
cat >watch.mjs <<'JS'
import { createServer } from 'node:http';
import { KubeConfig, Watch } from '@kubernetes/client-node';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
const server = createServer((request, response) => {
  console.log(request.url);
  response.write(`${JSON.stringify({ type: 'ADDED', object: pod })}\n`);
}).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const config = new KubeConfig();
config.loadFromClusterAndUser(
  { name: 'c', server: `http://127.0.0.1:${server.address().port}`, skipTLSVerify: true },
  { name: 'u' },
);
let calls = 0;
const start = Date.now();
const path = '/api/v1/pods';
const error = await new Promise((done) => {
  const callback = () => {
    calls++;
    throw new Error('The callback failed');
  };
  new Watch(config).watch(path, { timeoutSeconds: 300, allowWatchBookmarks: true }, callback, done);
});
const seconds = Math.round((Date.now() - start) / 1000);
console.log(`calls: ${calls}, end after ${seconds} s: ${error?.name}: ${error?.message}`);
const asDescribed = calls === 1 && error?.name === 'TimeoutError' && seconds < 60;
console.log(asDescribed ? 'as described: the error is lost, and the watch ends early' : 'changed');
process.exit(asDescribed ? 0 : 1);
JS
node watch.mjs
# Output seen:
#   /api/v1/pods?watch=true&timeoutSeconds=300&allowWatchBookmarks=true
#   calls: 1, end after 31 s: TimeoutError: The operation was aborted due to timeout
#   as described: the error is lost, and the watch ends early
