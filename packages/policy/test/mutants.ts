/** Compilers with one bug each, which the properties must find. */
import type { SourceMutant } from '../../../vitest.mutants.ts';

const RULES = 'policy/src/compile/policy-rules.ts';
const COMPILER = 'policy/src/compile/compiler.ts';
const NUMBERS = 'policy/src/compile/numbers.ts';
const INVENTORY = 'policy/src/compile/inventory.ts';
const RECORDS = 'policy/src/compile/records.ts';
const RANGES = 'policy/src/compile/ranges.ts';
const INDEX = 'policy/src/compile/selection-index.ts';
const REGISTRY = 'policy/src/compile/registry.ts';

export const mutants: Record<string, SourceMutant & { what: string }> = {
  'except-forgotten': {
    what: 'exceptions of a block are ignored',
    file: RANGES,
    from: 'except.map((text) => readInterval(text).interval).reduce(subtract, [interval])',
    to: 'interval',
  },
  'end-port-forgotten': {
    what: 'a range of ports is its first port',
    file: RULES,
    from: '[[port, endPort ?? port]]',
    to: '[[port, port]]',
  },
  'own-namespace-forgotten': {
    what: 'a podSelector alone takes pods of all namespaces',
    file: RULES,
    from: 'namespace: namespaceSelector ?? namespace,',
    to: 'namespace: namespaceSelector ?? {},',
  },
  'no-rules-no-isolation': {
    what: 'a policy without rules does not isolate',
    file: RULES,
    from: 'types.includes(direction ===',
    to: 'spec[direction]?.length && types.includes(direction ===',
  },
  'named-port-of-any-protocol': {
    what: 'a named port matches ports of that name of each protocol',
    file: NUMBERS,
    from: 'this.#portNames.find({ direction, name, protocol })',
    to: "this.#portNames.find({ direction, name, protocol: protocol && 'TCP' })",
  },
  'egress-always': {
    what: 'a policy without policyTypes isolates egress',
    file: RULES,
    from: "...(spec.egress?.length ? ['Egress'] : [])",
    to: "'Egress'",
  },
  'empty-types-are-none': {
    what: 'an empty list of policyTypes isolates nothing',
    file: RULES,
    from: 'spec.policyTypes?.length\n',
    to: 'spec.policyTypes\n',
  },
  'empty-peers-are-none': {
    what: 'an empty list of peers allows nothing',
    file: RULES,
    from: 'const peerMatches = peers?.length ?',
    to: 'const peerMatches = peers ?',
  },
  'empty-ports-are-none': {
    what: 'an empty list of ports allows nothing',
    file: RULES,
    from: 'const services = ports?.length ?',
    to: 'const services = ports ?',
  },
  'protocol-forgotten': {
    what: 'a port without a protocol is one of each protocol',
    file: RULES,
    from: "(port.protocol ?? 'TCP') === protocol",
    to: '(port.protocol ?? protocol) === protocol',
  },
  'wrong-end': {
    what: 'rules of ingress match the destination',
    file: RULES,
    from: "direction === 'ingress' ? 'source' : 'destination'",
    to: "'destination'",
  },
  'blocks-forgotten': {
    what: 'blocks beside selectors are ignored',
    file: RULES,
    from: '...rangesOf(blocks).map',
    to: '...rangesOf(selections.length > 0 ? [] : blocks).map',
  },
  'range-ends-early': {
    what: 'the last address of what lies before an exception is left out',
    file: RANGES,
    from: 'from - 1n }',
    to: 'from - 2n }',
  },
  'union-too-far': {
    what: 'blocks with a gap of one address become one',
    file: RANGES,
    from: 'from > last.to + 1n',
    to: 'from > last.to + 2n',
  },
  'union-shrinks': {
    what: 'a block within another one cuts it short',
    file: RANGES,
    from: 'else if (to > last.to)',
    to: 'else if (to < last.to)',
  },
  'host-network-selected': {
    what: 'pods of the host network are pods',
    file: RECORDS,
    from: '!spec.hostNetwork && ',
    to: '',
  },
  'finished-pods-stay': {
    what: 'a pod that has succeeded keeps its address',
    file: RECORDS,
    from: "status?.phase !== 'Succeeded' && ",
    to: '',
  },
  'sidecars-forgotten': {
    what: 'ports of sidecars have no names',
    file: RECORDS,
    from: '[...containers, ...sidecars]',
    to: '[...containers]',
  },
  'init-ports-count': {
    what: 'ports of init containers that end have names',
    file: RECORDS,
    from: "initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')",
    to: 'initContainers',
  },
  'older-pod-owns': {
    what: 'of two pods with one address the older has it',
    file: INVENTORY,
    from: 'pod.created > owner.created',
    to: 'pod.created < owner.created',
  },
  'namespace-labels-ignored': {
    what: 'a change of labels of a namespace changes nothing',
    file: INVENTORY,
    from: 'touchPods(this.#podsByNamespace.get(name) ?? [], touched);',
    to: '',
  },
  'namespace-without-name': {
    what: 'a namespace has no label with its name',
    file: INVENTORY,
    from: 'return namespaceLabels(namespace, this.#namespaces.get(namespace));',
    to: 'return this.#namespaces.get(namespace) ?? {};',
  },
  'pod-labels-ignored': {
    what: 'a pod keeps the selections of its first labels',
    file: INVENTORY,
    from: 'isSameRecord(old, pod)',
    to: 'isSameRecord({ ...old, traits: pod.traits }, pod)',
  },
  'old-address-stays': {
    what: 'a pod that changes its address keeps the old one',
    file: INVENTORY,
    from: 'this.#claimsOf(address).filter((pod) => pod !== old)',
    to: 'this.#claimsOf(address)',
  },
  'policy-update-ignored': {
    what: 'an update of a policy in use changes no rule',
    file: COMPILER,
    from: 'addresses > 0 && before && !touched.policies.has(policy)',
    to: 'addresses > 0 && before',
  },
  'new-selection-empty': {
    what: 'a selection takes only pods that come after it',
    file: NUMBERS,
    from: 'touchPods(this.#inventory.podsIn(selection), touched);',
    to: '',
  },
  'new-port-name-empty': {
    what: 'a port name takes only pods that come after it',
    file: NUMBERS,
    from: 'touchPods([pod], touched);',
    to: '',
  },
  'last-pod-ends-nothing': {
    what: 'a policy stays active without pods',
    file: COMPILER,
    from: '} else if (before) {',
    to: '} else if (before && addresses < 0) {',
  },
  'deleted-selection-stays': {
    what: 'the elements of an unused selection stay',
    file: NUMBERS,
    from: 'for (const address of ruleset.members.get(number) ?? []) {',
    to: 'for (const address of [] as string[]) {',
  },
  'remote-pods-judged': {
    what: 'pods of other nodes are judged here',
    file: INVENTORY,
    from: 'return pod.node === this.#node;',
    to: 'return pod.node !== undefined;',
  },
  'open-by-default': {
    what: 'the chain of an isolated pod does not drop',
    file: COMPILER,
    from: "[...jumps, { verdict: 'drop' }]",
    to: '[...jumps]',
  },
  'index-misses-lists': {
    what: 'a selector that lists several values is found by the first',
    file: INDEX,
    from: 'new Set(values).size === 1',
    to: 'new Set(values).size >= 1',
  },
  'index-misses-namespaces': {
    what: 'selections of all namespaces are not found',
    file: INDEX,
    from: 'const outer = [ANY, nameKey',
    to: 'const outer = [nameKey',
  },
  'shared-by-order': {
    what: 'a number is taken back while another policy uses it',
    file: REGISTRY,
    from: 'known.references++;',
    to: '',
  },
  'wrong-order': {
    what: 'chains are deleted before the pods that use them',
    file: COMPILER,
    from: 'return change.name.startsWith(POD_CHAINS) ? 4 : 5;',
    to: 'return change.name.startsWith(POD_CHAINS) ? 1 : 1;',
  },
};
