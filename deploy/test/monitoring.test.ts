import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Metrics, metricNames } from '../../packages/agent/src/core/metrics.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(root + path, 'utf8');

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string; runbook: string };
}
interface Panel {
  id: number;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Array<{ expr: string }>;
}

const rules = (
  parse(read('deploy/monitoring/alerts.yaml')) as { spec: { groups: Array<{ rules: Rule[] }> } }
).spec.groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(read('deploy/monitoring/dashboard.json')) as { panels: Panel[] };

/** Returns the metrics in an expression, histograms by their base name. */
const named = (expr: string): string[] =>
  (expr.match(/\b(cnikit_agent|process)_\w+/g) ?? []).map((name) =>
    name.replace(/^(.*_seconds)_(bucket|sum|count)$/, '$1'),
  );

describe('deploy/monitoring', () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    'alert %s uses existing metrics',
    (_, { expr }) => {
      expect(named(expr).length).toBeGreaterThan(0);
      for (const name of named(expr)) {
        expect(metricNames()).toContain(name);
      }
    },
  );

  test('each alert has a summary, a description and a runbook', () => {
    const headings = read('docs/operations.md').match(/^#+ .*$/gm) ?? [];
    const anchors = headings.map((heading) =>
      heading
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { labels, annotations } of rules) {
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
      expect(annotations.summary).toContain('$labels.instance');
      expect(annotations.description).toMatch(/\.$/);
      const [file, anchor] = annotations.runbook.split('#');
      expect(file).toBe('docs/operations.md');
      expect(anchors).toContain(anchor);
    }
  });

  test.each(panels.map((panel) => [panel.title, panel] as const))(
    'panel %j uses existing metrics',
    (_, { targets }) => {
      for (const { expr } of targets) {
        expect(named(expr).length).toBeGreaterThan(0);
        for (const name of named(expr)) {
          expect(metricNames()).toContain(name);
        }
      }
    },
  );

  test('the dashboard shows every metric of the agent on panels that do not overlap', () => {
    const shown = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => named(expr))));
    const own = metricNames().filter((name) => name.startsWith('cnikit_agent_'));
    expect(own.filter((name) => !shown.has(name))).toEqual([]);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});

test('Metrics sets the labels that alerts and panels use', () => {
  const labels = new Metrics().text();
  expect(labels).toContain('cnikit_agent_build_info{version=');
  expect(labels).toContain('\ncnikit_agent_ready 0\n');
});
