/** Changes of the node as values, and the lines that print them. Pure. */
import {
  type KernelNeighbour,
  type KernelRoute,
  type NodeRoute,
  type PresentTunnel,
  RTN_UNREACHABLE,
  type TunnelLink,
  type UnreachableRoute,
} from './model.ts';

/** A change of one route in the main table. */
export type RouteAction =
  | { kind: 'route'; op: 'add'; route: NodeRoute | UnreachableRoute }
  | { kind: 'route'; op: 'change'; route: NodeRoute; old: KernelRoute }
  | { kind: 'route'; op: 'remove'; old: KernelRoute };

/** A change of a tunnel link or its addresses. */
export type TunnelAction =
  | { kind: 'tunnel'; op: 'add'; link: TunnelLink }
  | { kind: 'tunnel'; op: 'change'; link: TunnelLink; old: PresentTunnel }
  | { kind: 'tunnel'; op: 'remove'; old: PresentTunnel };

/** A change of a tunnel link's entry. `put` replaces an entry with the same key. */
export interface NeighbourAction {
  kind: 'neighbour';
  op: 'put' | 'remove';
  entry: KernelNeighbour;
  dev: string;
  /** The podCIDR that needs the entry. */
  dst?: string;
}

/** A change by netlink. */
export type KernelAction = RouteAction | TunnelAction | NeighbourAction;

export interface SysctlAction {
  kind: 'sysctl';
  key: string;
  from: string;
  to: string;
  why: string;
}

export interface FileAction {
  kind: 'file';
  op: 'add' | 'change';
  path: string;
}

/** `line` is a rule in iptables' notation, after `+ ` or `- `. */
export interface RuleAction {
  kind: 'rule';
  family: string;
  line: string;
}

/** A change of a set, or of one of its elements. */
export interface SetAction {
  kind: 'set';
  op: 'add' | 'remove';
  set: string;
  element?: string;
}

export interface ConditionAction {
  kind: 'condition';
  node: string;
  from: string;
}

export interface TaintAction {
  kind: 'taint';
  node: string;
  key: string;
}

/** A change of the node: `describe` prints it, `apply` carries it out. */
export type Action =
  | KernelAction
  | SysctlAction
  | RuleAction
  | SetAction
  | FileAction
  | ConditionAction
  | TaintAction;

/** Returns one line: `+` adds, `-` removes, `~` changes. */
export function describe(action: Action): string {
  switch (action.kind) {
    case 'route':
      if (action.op === 'add') {
        return `+ route ${showRoute(action.route)}`;
      }
      if (action.op === 'change') {
        return `~ route ${showRoute(action.route)} (was via ${action.old.via ?? 'none'})`;
      }
      return `- route ${showOld(action.old)}`;
    case 'tunnel':
      if (action.op === 'remove') {
        return `- tunnel ${showTunnel(action.old)}`;
      }
      return `${action.op === 'add' ? '+' : '~'} tunnel ${showTunnel(action.link)}`;
    case 'neighbour': {
      const { table, mac, address } = action.entry;
      const sign = action.op === 'put' ? '+' : '-';
      return table === 'fdb'
        ? `${sign} fdb ${mac} to ${address} dev ${action.dev}`
        : `${sign} neighbour ${address} at ${mac} dev ${action.dev}`;
    }
    case 'sysctl':
      return `~ sysctl ${action.key} ${action.from} -> ${action.to} (${action.why})`;
    case 'rule':
      return `${action.line[0]} rule ${action.family}${action.line.slice(1)}`;
    case 'set': {
      const what = action.element === undefined ? '' : ` ${action.element}`;
      return `${action.op === 'add' ? '+' : '-'} set ${action.set}${what}`;
    }
    case 'file':
      return `${action.op === 'add' ? '+' : '~'} file ${action.path}`;
    case 'condition':
      return `~ condition NetworkUnavailable of node ${action.node} ${action.from} -> False`;
    case 'taint':
      return `- taint ${action.key} of node ${action.node}`;
  }
}

const showRoute = (route: NodeRoute | UnreachableRoute): string =>
  'unreachable' in route ? `unreachable ${route.dst}` : `${route.dst} via ${route.via} dev ${route.dev}`;

const showOld = ({ dst, via, type }: KernelRoute): string =>
  `${type === RTN_UNREACHABLE ? 'unreachable ' : ''}${dst}${via === undefined ? '' : ` via ${via}`}`;

const showTunnel = ({ name, vni, port, local, mac, mtu }: TunnelLink | PresentTunnel): string =>
  `${name} vni ${vni} port ${port}${local === undefined ? '' : ` local ${local}`} mac ${mac} mtu ${mtu}`;

/** Returns the first character of `describe`, without formatting the rest, for counting thousands of routes. */
export function signOf(action: Action): '+' | '-' | '~' {
  if (action.kind === 'route') {
    return ({ add: '+', change: '~', remove: '-' } as const)[action.op];
  }
  return describe(action)[0] as '+' | '-' | '~';
}

/** Returns the podCIDR whose route changes, or `tunnel`. */
export function placeOf(action: KernelAction): string {
  if (action.kind === 'route') {
    return action.op === 'remove' ? action.old.dst : action.route.dst;
  }
  return action.kind === 'neighbour' && action.dst !== undefined ? action.dst : 'tunnel';
}
