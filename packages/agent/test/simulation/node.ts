/**
 * A node of the simulated cluster: kernel, rules and files, which persist, and the agent's process, which may
 * be killed.
 */

import type { Cni } from '../../src/apply/cni-files.ts';
import { createRules } from '../../src/apply/rules.ts';
import { describe } from '../../src/core/action.ts';
import type { PacketFilterMode } from '../../src/core/backend.ts';
import type { Encap, Layout } from '../../src/core/model.ts';
import { NodeIndex } from '../../src/desired/node-index.ts';
import { routes } from '../../src/diagnose/doctor/checks/routes.ts';
import { rules } from '../../src/diagnose/doctor/checks/rules.ts';
import { sysctls } from '../../src/diagnose/doctor/checks/sysctls.ts';
import type { DoctorFacts } from '../../src/diagnose/doctor/facts.ts';
import { stateFacts } from '../../src/diagnose/doctor/state-facts.ts';
import type { Position } from '../../src/observe/nodes.ts';
import type { SavedState } from '../../src/observe/saved-state.ts';
import type { Agent } from '../../src/reconcile/agent.ts';
import { planNode } from '../../src/reconcile/node-plan.ts';
import type { SimulatedApi } from './api.ts';
import { SimulatedFirewall } from './firewall.ts';
import { SimulatedKernel } from './kernel.ts';
import type { Random } from './random.ts';
import { SimulatedSysctls } from './sysctls.ts';
import type { VirtualTime } from './time.ts';

/** The simulated modules: the agent's own, or mutants. */
export interface Modules {
  Agent: typeof import('../../src/reconcile/agent.ts').Agent;
  Metrics: typeof import('../../src/core/metrics.ts').Metrics;
  followNodes: typeof import('../../src/observe/nodes.ts').followNodes;
  Outage: typeof import('../../src/observe/nodes.ts').Outage;
  watchNodes: typeof import('../../src/observe/nodes.ts').watchNodes;
  createSets: typeof import('../../src/apply/sets.ts').createSets;
  createNftFilter: typeof import('../../src/apply/nftables.ts').createNftFilter;
}

export interface World {
  time: VirtualTime;
  api: SimulatedApi;
  random: Random;
  modules: Modules;
  resyncMs: number;
  encap: Encap;
  /** Agents cannot write below /proc/sys. */
  readOnlySysctls: boolean;
  /** Back end that the agents are started with. */
  packetFilter: PacketFilterMode;
  /** Layout of pods that the agents are started with. */
  layout: Layout;
  /** A restart may change it. */
  changesLayout: boolean;
  /** The kernel can hold the nftables table. */
  nftables: boolean;
  /** The kernel has sets. */
  sets: boolean;
  /** Its rules can match them. */
  matchesSets: boolean;
  /** Every line that an agent logs. */
  say(line: string): void;
}

/** Delay of `cnikit-agent run` before it saves its state. */
const SAVE_MS = 1000;

const next = { auto: 'iptables', iptables: 'nftables', nftables: 'auto' } as const;

interface Process {
  agent: Agent;
  kernel: ReturnType<SimulatedKernel['open']>;
  ended: AbortController;
}

export class SimulatedNode {
  readonly name: string;
  readonly kernel = new SimulatedKernel();
  readonly firewall: SimulatedFirewall;
  readonly sysctls: SimulatedSysctls;
  readonly #world: World;
  #process: Process | undefined;
  /** The state file. */
  #saved: SavedState | undefined;
  /** Number of writes before the process dies. */
  #dieIn: number | undefined;
  conflist: string | undefined;
  /** Value of --packet-filter. */
  packetFilter: PacketFilterMode;
  /** Value of --layout. */
  layout: Layout;
  #files = 0;
  lines = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    const { time, random, readOnlySysctls, packetFilter, layout } = world;
    this.layout = layout;
    this.packetFilter = packetFilter;
    const linkIndex = (link: string): number | undefined => this.kernel.link(link)?.index;
    this.sysctls = new SimulatedSysctls(linkIndex, readOnlySysctls);
    this.firewall = new SimulatedFirewall(
      () => time.after(random.whole(0, 20), () => this.#process?.agent.checkRules()),
      world.matchesSets,
    );
  }

  /** Total changes of rules, settings and files by the agent. */
  get hostWrites(): number {
    return this.#files + this.firewall.writes + this.sysctls.written.length;
  }

  get agent(): Agent | undefined {
    return this.#process?.agent;
  }

  /** Starts the process, with other values of options if desired. */
  start({ anotherFilter = false, anotherLayout = false } = {}): void {
    if (this.#process !== undefined) {
      return;
    }
    if (anotherFilter && this.#world.nftables) {
      this.packetFilter = next[this.packetFilter];
    }
    if (anotherLayout && this.#world.changesLayout) {
      this.layout = this.layout === 'bridge' ? 'routed' : 'bridge';
    }
    const { time, api, random, modules } = this.#world;
    const ended = new AbortController();
    const alive =
      (body: () => void): (() => void) =>
      () =>
        ended.signal.aborted ? undefined : body();
    const after: typeof time.after = (ms, body) => time.after(ms, alive(body));
    const line = (_: object, message: string): void => {
      this.lines++;
      this.#world.say(`${this.name}: ${message}`);
    };
    const log = { info: line, warn: line };
    const metrics = new modules.Metrics();
    const kernel = this.kernel.open(after, () => random.whole(0, 20), {
      beforeAction: () => this.#beforeAction(),
    });
    const cached = this.#saved;
    const position: Position = cached?.resourceVersion ? { resourceVersion: cached.resourceVersion } : {};
    let saving = false;
    const agent: Agent = new modules.Agent(
      {
        kernel,
        log,
        metrics,
        after,
        ...this.#hostDeps(),
        clearNetworkUnavailable: (name) => api.clearNetworkUnavailable(name),
        onNodes: () => {
          if (saving) {
            return;
          }
          saving = true;
          after(SAVE_MS, () => {
            saving = false;
            this.#saved = structuredClone({ nodes: [...agent.nodes()], ...position });
          });
        },
      },
      { ...this.#policy(), resyncMs: this.#world.resyncMs },
    );
    this.#process = { agent, kernel, ended };
    const events = kernel.events(ended.signal);
    void (async () => {
      for await (const event of events) {
        agent.onKernel(event);
      }
    })();
    if (cached !== undefined) {
      agent.setNodes(structuredClone(cached.nodes));
    }
    const outage = new modules.Outage(log, metrics, after);
    const server = { transport: api.transport, clock: time.clock, random: random.next };
    const changes = modules.watchNodes(server, metrics, ended.signal, position);
    void modules.followNodes(changes, agent, outage);
  }

  #policy() {
    return { nodeName: this.name, nonMasquerade: [], encap: this.#world.encap, layout: this.layout };
  }

  #hostDeps() {
    const cni: Cni = {
      plan: (conflist) =>
        conflist === undefined || conflist === this.conflist
          ? []
          : [{ kind: 'file', op: 'change', path: 'conflist' }],
      apply: (conflist) => this.#applyConflist(conflist),
      problems: () => [],
    };
    return {
      sysctls: this.sysctls,
      rules: createRules({}, { open: (family) => this.firewall.open(family) }),
      nftables: {
        filter: this.#world.modules.createNftFilter(this.firewall.tables),
        facts: () => this.firewall.facts(this.#world.nftables),
        mode: this.packetFilter,
      },
      ...(this.#world.sets && { sets: this.#world.modules.createSets(this.firewall.sets) }),
      cni,
    };
  }

  /** True if the agent uses the nftables table. */
  get usesTable(): boolean {
    return this.#world.nftables && this.packetFilter !== 'iptables';
  }

  /** Returns the changes that `plan` and `doctor`, started now, report: none when the agent is idle. */
  examine(): string[] {
    const claims = new NodeIndex();
    for (const node of this.#process?.agent.nodes() ?? []) {
      claims.set(node);
    }
    const never = { beforeAction: () => undefined };
    const kernel = this.kernel.open(
      () => () => undefined,
      () => 0,
      never,
    );
    const installedConflist = (): string | undefined => this.conflist;
    const deps = { ...this.#hostDeps(), kernel, installedConflist };
    const plan = planNode(claims, this.#policy(), deps);
    kernel.close();
    const { actions, host, desired } = plan;
    const facts = stateFacts({ ...plan, problems: [] }, deps.rules);
    const differences = {
      ...facts,
      filterProblems: [],
      desired: undefined,
      selfTest: [],
      links: [],
    } as unknown as DoctorFacts;
    return [
      ...[...actions, ...(desired === undefined ? [] : host.plan(desired))].map(describe),
      ...[routes, sysctls, rules].flatMap(({ find }) => find(differences).map(({ message }) => message)),
    ];
  }

  /** Kills the process at once: nothing more is done or saved. */
  kill(): void {
    this.#process?.ended.abort();
    this.#process?.agent.close();
    this.#process?.kernel.close();
    this.#process = undefined;
    this.#dieIn = undefined;
  }

  /** Kills the process before this many more actions are written; undefined: cancels that. */
  killIn(actions: number | undefined): void {
    this.#dieIn = actions;
  }

  /** Empties the directory of the state file, like a reboot. */
  forget(): void {
    this.#saved = undefined;
  }

  loseEvents(): void {
    this.#process?.kernel.overflow();
  }

  removeConflist(): void {
    this.conflist = undefined;
    this.#process?.agent.checkFiles();
  }

  #beforeAction(): void {
    if (this.#dieIn === undefined || this.#dieIn-- > 0) {
      return;
    }
    this.kill();
    throw new Error('killed');
  }

  #applyConflist(conflist: string | undefined) {
    if (conflist === undefined || conflist === this.conflist) {
      return [];
    }
    this.conflist = conflist;
    this.#files++;
    return [{ kind: 'file', op: 'change', path: 'conflist' } as const];
  }
}
