import type { SavedTable } from './parse.ts';
import { splitTokens } from './tokens.ts';

/** The effect of a foreign rule on packets that an owned chain would accept after it. */
export type Effect =
  /** Drops or rejects every packet that reaches it: a default, such as the last rule of firewalld. */
  | 'blocks-all'
  /** Drops or rejects some packets: a decision, such as kube-proxy's on Services without endpoints. */
  | 'decides'
  /** Cannot drop a packet. */
  | 'harmless';

/** Targets that end or continue the traversal without dropping the packet (iptables-extensions(8)). */
const HARMLESS = new Set([
  ...['ACCEPT', 'RETURN', 'LOG', 'NFLOG', 'TRACE', 'AUDIT', 'CT', 'NOTRACK', 'RATEEST', 'IDLETIMER', 'LED'],
  ...['MARK', 'CONNMARK', 'SECMARK', 'CONNSECMARK', 'CLASSIFY', 'DSCP', 'TOS', 'TTL', 'HL', 'ECN', 'TCPMSS'],
  ...['CHECKSUM', 'SET', 'TCPOPTSTRIP', 'HMARK', 'TEE'],
]);
const BLOCKING = new Set(['DROP', 'REJECT']);

interface ParsedRule {
  /** Target or chain; undefined for a rule that only counts. */
  readonly target: string | undefined;
  /** The rule matches every packet. */
  readonly always: boolean;
}

/** Reads the target and the matches of a saved rule. */
function parseRule(text: string): ParsedRule {
  const tokens = splitTokens(text);
  const jump = tokens.findLastIndex(
    ({ text: token, quoted }) => !quoted && (token === '-j' || token === '-g'),
  );
  const matches = (jump < 0 ? tokens : tokens.slice(0, jump)).map(({ text: token }) => token);
  const comments = matches.flatMap((token, at) =>
    token === '-m' && matches[at + 1] === 'comment' && matches[at + 2] === '--comment' ? [at] : [],
  );
  return {
    target: jump < 0 ? undefined : tokens[jump + 1]?.text,
    always: matches.length === 4 * comments.length,
  };
}

/**
 * Returns a function that judges the rules of one table, following jumps into its chains.
 *
 * A rule with a match decides about the packets it names. A rule without one, or a chain that such a rule
 * leads to and that ends so, blocks by default.
 */
export function effectsOf(saved: SavedTable | undefined): (rule: string) => Effect {
  const chains = new Map<string, Effect>();
  const ofChain = (name: string): Effect => {
    const known = chains.get(name);
    if (known !== undefined) {
      return known;
    }
    // Ends a loop of chains, which the kernel refuses.
    chains.set(name, 'harmless');
    let effect: Effect = 'harmless';
    for (const text of saved?.chains.get(name)?.rules ?? []) {
      const { target, always } = parseRule(text);
      const own = ofRule(text);
      if (own === 'blocks-all') {
        effect = own;
        break;
      }
      if (own === 'decides') {
        effect = own;
      }
      if (always && (target === 'ACCEPT' || target === 'RETURN')) {
        break;
      }
    }
    chains.set(name, effect);
    return effect;
  };
  const ofRule = (text: string): Effect => {
    const { target, always } = parseRule(text);
    if (target === undefined || HARMLESS.has(target)) {
      return 'harmless';
    }
    let effect: Effect = 'decides';
    if (BLOCKING.has(target)) {
      effect = 'blocks-all';
    } else if (saved?.chains.has(target) === true) {
      effect = ofChain(target);
    }
    return effect === 'blocks-all' && !always ? 'decides' : effect;
  };
  return ofRule;
}

/** Returns whether a chain drops or rejects every packet that none of its rules accepts. */
export function dropsByDefault(saved: SavedTable | undefined, chain: string): boolean {
  const effectOf = effectsOf(saved);
  const { policy, rules = [] } = saved?.chains.get(chain) ?? {};
  return policy === 'DROP' || rules.some((rule) => effectOf(rule) === 'blocks-all');
}
