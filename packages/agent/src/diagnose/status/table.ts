/** The text of `cnikit-agent status`. Pure. */
import type { StatusReport } from './report.ts';
import type { StatusRow } from './rows.ts';

const HEAD = ['NODE', 'POD CIDR', 'INTERNAL IP', 'ROUTE', 'VIA', 'ENCAP', 'NEIGHBOUR', 'CHANGED'];

/** `now` is in ms since the epoch: times are told as ages. */
export function statusText({ node, source, rows, agent }: StatusReport, now: number): string {
  const bad = rows.filter(({ route }) => route !== 'ok');
  const lines = [
    `Node ${node.name}: podCIDR ${node.podCIDRs.join(' ') || 'none yet'}, InternalIP ${node.internalIPs.join(' ') || 'none'}`,
    `Agent: ${agentText(agent)}`,
    `Nodes: ${source === 'api' ? 'as the API has them' : 'as they were saved last, since the API does not answer'}; ${rows.length} pod networks, ${bad.length === 0 ? 'all routed' : `${bad.length} not as they should be`}`,
    '',
    ...columns([HEAD, ...rows.map((row) => cells(row, now))]),
    ...reasons(bad),
  ];
  return `${lines.join('\n')}\n`;
}

function agentText(agent: StatusReport['agent']): string {
  if (agent === undefined) {
    return 'none answers on this node';
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
  const told = [...new Set(bad.flatMap(({ reason }) => reason ?? []))];
  return told.length === 0 ? [] : ['', ...told.map((reason) => `! ${reason}`)];
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

/** As kubectl tells it: the largest unit. */
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
