/** Options of the enforcement of NetworkPolicies. */
import type { OptionSpec } from './option-spec.ts';

export const policyOptions = {
  'network-policy': {
    type: 'boolean',
    default: false,
    defaultText: 'on where $CNIKIT_NETWORK_POLICY is true, else off',
    help: 'Enforce NetworkPolicies. Reads all Pods, Namespaces and NetworkPolicies, and keeps the nftables table cnikit-policy. With --layout=bridge it needs br_netfilter. Without the option the table is removed',
    group: 'Network policy',
    commands: ['run', 'plan', 'apply', 'doctor'],
  },
  'policy-established': {
    type: 'string',
    value: 'MODE',
    default: 'keep',
    help: 'What happens to established connections that NetworkPolicies deny after a change. keep: they go on; cut: the node ends them in both directions, TCP with a reset',
    group: 'Network policy',
    commands: ['run'],
  },
  'policy-mark': {
    type: 'string',
    value: 'BIT',
    default: '0x2000000',
    help: 'Bit of the connection mark (ct mark) that --policy-established=cut uses, which no other program on the node may use',
    group: 'Network policy',
    commands: ['run'],
  },
  'policy-log': {
    type: 'string',
    value: 'RATE',
    default: 'off',
    help: 'Log packets that NetworkPolicies deny: at most this number in each second, or off',
    group: 'Network policy',
    commands: ['run'],
  },
  'policy-log-group': {
    type: 'string',
    value: 'NUMBER',
    default: '5210',
    help: 'Group of nflog between the rules and the agent with --policy-log, which no other program on the node may use',
    group: 'Network policy',
    commands: ['run'],
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;
