import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { earlierConfigurations } from './configurations.ts';

test('earlierConfigurations() names each configuration that the runtime prefers, with network and plugins', () => {
  const confDir = mkdtempSync(join(tmpdir(), 'cnikit-configurations-'));
  for (const name of ['00-other.conf', '01-readme.txt', '05-cnikit.conflist', '10-later.conflist']) {
    writeFileSync(join(confDir, name), '{"name":"net","type":"flannel"}');
  }
  writeFileSync(join(confDir, '.0.json'), '{');
  expect(earlierConfigurations(confDir)).toMatchObject([
    {
      kind: 'earlier-configuration',
      subject: '.0.json',
      message: expect.stringMatching(/broken: .*loads no configuration at all/),
    },
    {
      kind: 'earlier-configuration',
      subject: '00-other.conf',
      message: expect.stringMatching(/network net, plugins flannel/),
    },
  ]);
  rmSync(confDir, { recursive: true });
});

test('earlierConfigurations() does not name a Multus configuration that delegates to ours', () => {
  const confDir = mkdtempSync(join(tmpdir(), 'cnikit-configurations-'));
  const ours = { name: 'cnikit', plugins: [{ type: 'cnikit' }] };
  const multus = { name: 'multus-cni-network', type: 'multus', delegates: [ours] };
  writeFileSync(join(confDir, '05-cnikit.conflist'), JSON.stringify(ours));
  writeFileSync(join(confDir, '00-multus.conf'), JSON.stringify(multus));
  expect(earlierConfigurations(confDir)).toEqual([]);
  rmSync(confDir, { recursive: true });
});
