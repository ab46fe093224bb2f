/** An agent on fakes, with a clock that only the test advances. */
import { IptablesError } from '@cnikit/iptables';
import type { DesiredRules } from '../apply/rules.ts';
import { procSys } from '../apply/sysctls.ts';
import { Metrics } from '../core/metrics.ts';
import type { After } from '../core/timers.ts';
import { Agent, type AgentDeps, type AgentOptions } from '../reconcile/agent.ts';
import { FakeKernel } from './fake-kernel.ts';

export class FakeClock {
  now = 0;
  readonly #timers = new Set<{ at: number; body: () => void }>();

  readonly after: After = (ms, body) => {
    const timer = { at: this.now + ms, body };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Runs the timers of the next `ms`, in order. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) {
        break;
      }
      this.#timers.delete(next);
      this.now = next.at;
      next.body();
    }
    this.now = end;
  }
}

export function fakeAgent(changes: Partial<AgentDeps> = {}, options: Partial<AgentOptions> = {}) {
  const kernel = new FakeKernel();
  const clock = new FakeClock();
  const lines: string[] = [];
  /** Writes of the agent, in order. */
  const order: string[] = [];
  const state = {
    rules: '',
    conflist: undefined as string | undefined,
    rulesError: undefined as Error | undefined,
    /** Refuses rules that match sets, like a kernel without xt_set. */
    refusesSets: false,
  };
  const write = kernel.write.bind(kernel);
  kernel.write = (actions) => {
    order.push('routes');
    return write(actions);
  };
  const metrics = new Metrics();
  const deps: AgentDeps = {
    kernel,
    metrics,
    after: clock.after,
    sysctls: procSys('/nonexistent'),
    log: {
      info: (_, message) => void lines.push(message),
      warn: (_, message) => void lines.push(`warning: ${message}`),
    },
    rules: {
      plan: (desired: DesiredRules) =>
        JSON.stringify(desired) === state.rules
          ? []
          : [{ kind: 'rule', family: 'ipv4', line: '+ something' }],
      planFamily: () => [],
      report: () => {
        throw new Error('The fake has no backend');
      },
      matchSets: () => (state.rules === '' ? undefined : state.rules.includes('--match-set')),
      apply: (desired: DesiredRules) => {
        const text = JSON.stringify(desired);
        if (state.rulesError !== undefined) {
          throw state.rulesError;
        }
        if (state.refusesSets && text.includes('--match-set')) {
          throw new IptablesError('RESTORE_FAILED', 'refused', { stderr: 'Extension set not supported' });
        }
        if (text === state.rules) {
          return [];
        }
        state.rules = text;
        order.push('rules');
        return [{ kind: 'rule', family: 'ipv4', line: '+ something' }];
      },
    },
    cni: {
      plan: (conflist) =>
        conflist === state.conflist ? [] : [{ kind: 'file', op: 'change', path: 'conflist' }],
      apply: (conflist) => {
        if (conflist === state.conflist) {
          return [];
        }
        state.conflist = conflist;
        order.push('conflist');
        return [{ kind: 'file', op: 'add', path: 'conflist' }];
      },
      problems: () => [],
    },
    ...changes,
  };
  const all = { nodeName: 'n1', nonMasquerade: [], resyncMs: 60_000, ...options };
  const agent = new Agent(deps, all);
  return { agent, deps, options: all, kernel, clock, lines, order, state, metrics };
}
