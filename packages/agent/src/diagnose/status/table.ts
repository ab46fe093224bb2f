/** Formats `cnikit-agent status` as text. Pure. */
import { BRIDGE_NAME } from '../../core/names.ts';
import type { StatusReport } from './report.ts';
import type { StatusRow } from './rows.ts';

const HEAD = ['NODE', 'POD CIDR', 'INTERNAL IP', 'ROUTE', 'VIA', 'ENCAP', 'NEIGHBOUR', 'CHANGED'];

/** Shows times as ages relative to `now`, ms since the epoch. */
export function statusText(report: StatusReport, now: number): string {
  const { node, source, packetFilter, pods, rows, agent } = report;
  const bad = rows.filter(({ route }) => route !== 'ok');
  const lines = [
    `Node ${node.name}: podCIDR ${node.podCIDRs.join(' ') || 'none yet'}, InternalIP ${node.internalIPs.join(' ') || 'none'}`,
    `Agent: ${agentText(agent)}`,
    `Nodes: ${source === 'api' ? 'from the API' : 'from the saved state, because the API does not answer'}; ${rows.length} pod network${rows.length === 1 ? '' : 's'}, ${bad.length === 0 ? 'all routed' : `${bad.length} not routed correctly`}`,
    ...(packetFilter === undefined ? [] : [`Packet filter: ${packetFilter.name} (${packetFilter.reason})`]),
    ...(pods === undefined ? [] : [`Pods: ${pods.routed} routed, ${pods.bridge} on ${BRIDGE_NAME}`]),
    '',
    ...columns([HEAD, ...rows.map((row) => cells(row, now))]),
    ...reasons(bad),
  ];
  return `${lines.join('\n')}\n`;
}

function agentText(agent: StatusReport['agent']): string {
  if (agent === undefined) {
    return 'not running, or not answering on --health-address';
  }
  return [agent.ready ? 'ready' : 'not ready', ...agent.problems].join('\n  ! ');
}

function cells(row: StatusRow, now: number): string[] {
  const via = row.via === undefined ? '-' : `${row.via} dev ${row.dev}`;
  const changed = row.changed === undefined ? '-' : age(now - Date.parse(row.changed));
  return [
    row.node,
    row.podCIDR,
    row.internalIP ?? '-',
    row.route,
    via,
    row.encap ?? '-',
    row.neighbour,
    changed,
  ];
}

function reasons(bad: readonly StatusRow[]): string[] {
  const unique = [...new Set(bad.flatMap(({ reason }) => reason ?? []))];
  return unique.length === 0 ? [] : ['', ...unique.map((reason) => `! ${reason}`)];
}

function columns(rows: readonly string[][]): string[] {
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}

/** Formats an age in its largest unit, as kubectl does. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) {
    return `${seconds}s`;
  }
  if (seconds < 7200) {
    return `${Math.floor(seconds / 60)}m`;
  }
  if (seconds < 172_800) {
    return `${Math.floor(seconds / 3600)}h`;
  }
  return `${Math.floor(seconds / 86_400)}d`;
}
