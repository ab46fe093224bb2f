import { expect, test } from 'vitest';
import { Metrics, metricNames } from './metrics.ts';

/** name{labels} value, as Prometheus reads it. */
const LINE = /^[a-z_]+(\{([a-z_]+="(\\.|[^"\\])*",?)+\})? [-+.\deE]+$/;

test('Metrics.text() prints each metric once with its help and type', () => {
  const metrics = new Metrics();
  metrics.add('changes', 2, { kind: 'route' });
  metrics.add('changes', 1, { kind: 'rule' });
  metrics.set('problems', 1, { area: 'a "quoted"\\\nname' });
  metrics.observe('sync_duration_seconds', 0.02, { scope: 'event' });
  const text = metrics.text();
  const lines = text.trimEnd().split('\n');
  for (const line of lines) {
    if (!line.startsWith('# ')) {
      expect(line).toMatch(LINE);
    }
  }
  const types = lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
  expect(types).toEqual(metricNames());
  expect(new Set(types).size).toBe(types.length);
  expect(text).toContain('\ncnikit_agent_changes_total{kind="route"} 2\n');
  expect(text).toContain('cnikit_agent_problems{area="a \\"quoted\\"\\\\\\nname"} 1');
  expect(text).toMatch(/^cnikit_agent_build_info\{version="[^"]+"\} 1$/m);
  expect(text).toContain('\ncnikit_agent_resyncs_total 0\n');
  expect(metrics.get('changes')).toBe(3);
  expect(metrics.get('changes', { kind: 'rule' })).toBe(1);
});

test('Metrics.observe() cumulates buckets, with a sum and a count', () => {
  const metrics = new Metrics();
  for (const seconds of [0.001, 0.003, 0.003, 99]) {
    metrics.observe('sync_duration_seconds', seconds, { scope: 'event' });
  }
  const value = (suffix: string): number =>
    Number(metrics.text().split(`cnikit_agent_sync_duration_seconds${suffix} `)[1]!.split('\n')[0]);
  const le = (bound: string): number => value(`_bucket{scope="event",le="${bound}"}`);
  expect([le('0.001'), le('0.0025'), le('0.005'), le('10'), le('+Inf')]).toEqual([1, 1, 3, 3, 4]);
  expect(value('_count{scope="event"}')).toBe(4);
  expect(value('_sum{scope="event"}')).toBeCloseTo(99.007);
});

test('Metrics.onScrape() computes values on demand', () => {
  const metrics = new Metrics();
  metrics.onScrape((now) => {
    metrics.clear('problems');
    metrics.set('problems', now, { area: String(now) });
  });
  metrics.text(1);
  expect(metrics.text(2)).toContain('{area="2"} 2\n');
  expect(metrics.text(3)).not.toContain('{area="2"}');
});
