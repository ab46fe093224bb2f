/**
 * The packet filter of a node: the model of iptables that @cnikit/iptables tests itself against, with foreign
 * rules and with sets, and the agent's nftables table. Changes of rules cause events, as with nfnetlink; changes of
 * sets do not. Changes of the table cause events unless the agent makes them.
 */

import { families } from '@cnikit/ip';
import { type Family, type Iptables, openIptables } from '@cnikit/iptables';
import { fakeIptables } from '@cnikit/iptables/testing';
import type { TableStore } from '../../src/apply/nftables.ts';
import type { SetStore } from '../../src/apply/sets.ts';
import type { FilterFacts } from '../../src/core/backend.ts';
import { type PresentTable, presentOf } from '../../src/core/filter-table.ts';
import { CHAIN_PREFIX } from '../../src/core/names.ts';

const stem = { ipv4: 'iptables', ipv6: 'ip6tables' } as const;

/** Rules of kube-proxy, with counters that reveal a rewrite. */
const OTHERS = `*filter
:KUBE-FORWARD - [0:0]
[9:900] -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
[1:100] -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
*nat
:KUBE-POSTROUTING - [0:0]
[3:300] -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
[5:500] -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
[7:700] -A KUBE-POSTROUTING -j MASQUERADE --random-fully
COMMIT
`;

export class SimulatedFirewall {
  readonly #sets = new Map<string, Set<string>>();
  readonly #names = new Set<string>();
  readonly #fake;
  readonly #tell: () => void;
  readonly #others: Record<Family, string> = { ipv4: '', ipv6: '' };
  /** Restores fail, as if another program held the lock. */
  broken = false;
  /** Foreign rules that the agent changed: must stay empty. */
  readonly harmed: string[] = [];
  /** Number of the agent's restores and set changes. */
  writes = 0;

  readonly sets: SetStore = {
    elements: ({ name }) => (this.#sets.has(name) ? [...this.#sets.get(name)!] : undefined),
    create: ({ name }) => {
      this.#refuseWhileBroken();
      if (this.#sets.has(name)) {
        throw new Error('EEXIST, says the model');
      }
      this.#sets.set(name, new Set());
      this.#names.add(name);
      this.writes++;
    },
    change: ({ name }, { add = [], remove = [] }) => {
      this.#refuseWhileBroken();
      const set = this.#sets.get(name);
      if (set === undefined) {
        throw new Error('ENOENT, says the model');
      }
      for (const element of remove) {
        set.delete(element);
      }
      for (const element of add) {
        set.add(element);
      }
      this.writes++;
    },
    destroy: ({ name }) => {
      const used = families.some((family) => this.lines(family).some((line) => line.includes(` ${name} `)));
      if (used) {
        return false;
      }
      this.#sets.delete(name);
      this.#names.delete(name);
      this.writes++;
      return true;
    },
  };

  /** The agent's nftables table. */
  table: PresentTable | undefined;

  readonly tables: TableStore = {
    read: () => this.table,
    commit: (changes) => {
      this.#refuseWhileBroken();
      let table = this.table;
      for (const change of changes) {
        if ((change.op === 'replace' && !change.exists) !== (table === undefined)) {
          throw new Error(`the model refuses ${change.op} of a table that is ${table ? 'there' : 'missing'}`);
        }
        if (change.op === 'replace') {
          table = presentOf(change.table);
        } else if (change.op === 'remove') {
          table = undefined;
        } else if (change.op === 'rules') {
          const { chains } = presentOf({ sets: [], chains: [change.chain] });
          table = { ...table!, chains: new Map([...table!.chains, ...chains]) };
        } else {
          const set = table!.sets.get(change.set.name)!;
          const removed = new Set(change.remove);
          if (change.remove.some((element) => !set.elements.has(element))) {
            throw new Error('ENOENT, says the model');
          }
          const elements = new Set([...set.elements].filter((each) => !removed.has(each)).concat(change.add));
          table = { ...table!, sets: new Map([...table!.sets, [change.set.name, { ...set, elements }]]) };
        }
      }
      this.table = table;
      this.writes++;
    },
  };

  /** Facts that decide between the back ends. */
  facts(supported: boolean): FilterFacts {
    const blocking = families.filter((family) => this.open(family).dropsByDefault('filter', 'FORWARD'));
    return {
      unsupported: supported ? undefined : 'the model has no nftables',
      blocking: blocking.map((family) => ({
        name: `${family} FORWARD`,
        families: [family],
        iptables: true,
        namesPods: false,
      })),
    };
  }

  /**
   * `tell` is called after each change of rules. Without `matchesSets` the kernel has sets but lacks xt_set.
   */
  constructor(tell: () => void, matchesSets = true) {
    this.#tell = tell;
    this.#fake = fakeIptables({ installed: ['nft'], sets: matchesSets ? this.#names : [] });
    for (const family of families) {
      this.edit(family, OTHERS);
    }
  }

  /** Opens the rules for the agent's process. */
  open(family: Family): Iptables {
    return openIptables({
      family,
      prefix: CHAIN_PREFIX,
      backend: 'nft',
      env: {},
      run: (argv, input) => {
        const restores = argv[0]!.endsWith('-restore');
        if (restores && this.broken) {
          return { status: 4, stdout: '', stderr: 'the model keeps the lock' };
        }
        const result = this.#fake.run(argv, input);
        if (!restores || result.status !== 0) {
          return result;
        }
        this.writes++;
        if (this.#ofOthers(family) !== this.#others[family]) {
          this.harmed.push(`rules of others by ${input}`);
        }
        this.#tell();
        return result;
      },
    });
  }

  /** Changes rules, the agent's too, as another program. An invalid line refuses the whole change. */
  edit(family: Family, payload: string, table?: 'table' | 'rules' | 'elements'): void {
    this.#fake.run([`${stem[family]}-nft-restore`, '--noflush', '-c'], payload);
    this.#others[family] = this.#ofOthers(family);
    if (table !== undefined) {
      this.#spoilTable(table);
    }
    this.#tell();
  }

  /** Changes the agent's sets as another program: those of the table, and with `ipsets` also those without events. */
  spoilSets(ipsets: boolean): void {
    this.#spoilTable('elements');
    this.#tell();
    if (!ipsets) {
      return;
    }
    for (const set of this.#sets.values()) {
      const [first] = set;
      if (first !== undefined) {
        set.delete(first);
      }
      set.add('203.0.113.0/24');
    }
  }

  /** Removes everything, like a reboot. */
  flush(): void {
    for (const family of families) {
      this.#fake.run([`${stem[family]}-nft-restore`], '*filter\nCOMMIT\n*nat\nCOMMIT\n');
      this.#others[family] = this.#ofOthers(family);
    }
    this.#sets.clear();
    this.#names.clear();
    this.table = undefined;
    this.#tell();
  }

  /** Lines of iptables-save. */
  lines(family: Family, counters = false): string[] {
    const argv = [`${stem[family]}-nft-save`, ...(counters ? ['-c'] : [])];
    return this.#fake.run(argv).stdout.split('\n');
  }

  #spoilTable(how: 'table' | 'rules' | 'elements'): void {
    const { table } = this;
    if (table === undefined) {
      return;
    }
    if (how === 'table') {
      this.table = undefined;
    } else if (how === 'rules') {
      this.table = {
        ...table,
        chains: new Map([...table.chains].map(([name, chain]) => [name, { ...chain, rules: ['bent'] }])),
      };
    } else {
      const spoilt = [...table.sets].map(([name, set]) => {
        const elements = new Set([...set.elements].slice(1)).add('203.0.113.0/24');
        return [name, { ...set, elements }] as const;
      });
      this.table = { ...table, sets: new Map(spoilt) };
    }
  }

  #refuseWhileBroken(): void {
    if (this.broken) {
      throw new Error('the model refuses sets');
    }
  }

  #ofOthers(family: Family): string {
    const theirs = this.lines(family, true).filter((line) => !line.includes(CHAIN_PREFIX));
    return theirs.filter((line) => /^(\[|:)/.test(line)).join('\n');
  }
}
