import { sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import { pluginFor, plugins } from './index.ts';

const all = plugins(sys);

test.each([
  ['/opt/cni/bin/loopback', 'loopback'],
  ['host-local', 'host-local'],
  ['./ptp', 'ptp'],
  ['/opt/cni/bin/tuning', 'tuning'],
  ['/opt/cni/bin/portmap', 'portmap'],
  ['/opt/cni/bin/bandwidth', 'bandwidth'],
  ['/opt/cni/bin/bridge', 'bridge'],
  ['/opt/cni/bin/cnikit', 'cnikit'],
  ['loopback/other', 'cnikit'],
  ['', 'cnikit'],
])('pluginFor(%j) is %s', (program, name) => {
  expect(pluginFor(all, program)).toBe(all.get(name));
});

test.each([...all])('%s describes itself when it runs without CNI_COMMAND', (name, run) => {
  const { stdout, stderr, exitCode } = run({ env: {}, stdin: '' });
  expect([stdout, exitCode]).toEqual(['', 0]);
  expect(stderr).toMatch(
    new RegExp(
      `^${name === 'cnikit' ? name : `cnikit ${name}`}: .*\nCNI protocol versions supported: 0.1.0, `,
    ),
  );
});
