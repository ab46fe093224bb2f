import type { CheckedConfig } from '@cnikit/cni-spec';
import { sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import type { Feature } from '../../attachment/feature.ts';
import { bandwidthFeature } from '../bandwidth/feature.ts';
import { portmapFeature } from '../portmap/feature.ts';
import { agentFeature } from './agent-feature.ts';

const features: Feature<unknown>[] = [portmapFeature(sys), bandwidthFeature(sys), agentFeature(sys)];

test.each(features)('keys of the feature $name are those that its settings depend on', (feature) => {
  const read = new Set<string>();
  const raw = new Proxy<CheckedConfig>(
    { cniVersion: '1.0.0', name: 'net' },
    {
      get(conf, key, receiver) {
        read.add(String(key));
        return Reflect.get(conf, key, receiver);
      },
    },
  );
  expect(feature.isRequested(feature.settings(raw))).toBe(false);
  expect([...read].filter((key) => key !== 'name').sort()).toEqual(Object.keys(feature.keys).sort());
});
