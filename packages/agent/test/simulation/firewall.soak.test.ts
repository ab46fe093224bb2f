import { openIptables, type Run } from '@cnikit/iptables';
import { fakeIptables } from '@cnikit/iptables/testing';
import { sys } from '@cnikit/sys';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../../vitest.soak.ts';
import { CHAIN_PREFIX } from '../../src/core/names.ts';
import { iptablesRules, noRules } from '../../src/desired/rules.ts';

const filter = { family: 'ipv4', podCIDRs: ['10.244.1.0/24'] } as const;
const wanted = [
  noRules,
  iptablesRules({ ...filter, masquerade: {} }, () => ({ prefixes: ['10.244.0.0/16'] })),
  iptablesRules({ ...filter, masquerade: { outInterfaces: ['eth0'] } }, () => ({
    prefixes: ['10.244.1.0/24', '10.244.3.0/24', '192.0.2.2/31'],
  })),
];
/** Edits by other programs, also of the agent's rules: each one restore, which the kernel may refuse. */
const edits = [
  '*filter\n-F FORWARD\nCOMMIT\n',
  '*nat\n-F POSTROUTING\nCOMMIT\n',
  '*nat\n-F CNIKIT-MASQ\nCOMMIT\n',
  '*filter\n-I FORWARD 1 -m comment --comment other -j DROP\nCOMMIT\n',
  '*filter\n-A FORWARD -m comment --comment last -j DROP\nCOMMIT\n',
  '*filter\n-R CNIKIT-FORWARD 1 -m comment --comment bent -j RETURN\nCOMMIT\n',
  '*nat\n-D CNIKIT-MASQ 1\nCOMMIT\n',
  '*nat\n-R CNIKIT-POSTROUTING 1 -j RETURN\nCOMMIT\n',
  '*nat\n-F POSTROUTING\n-F CNIKIT-POSTROUTING\n-F CNIKIT-MASQ\n-X CNIKIT-POSTROUTING\n-X CNIKIT-MASQ\nCOMMIT\n',
  '*nat\n:KUBE-POSTROUTING - [0:0]\n-A POSTROUTING -j KUBE-POSTROUTING\n-A KUBE-POSTROUTING -j MASQUERADE --random-fully\nCOMMIT\n',
  '*nat\n-A POSTROUTING -s 198.51.100.7/32 -j MASQUERADE\nCOMMIT\n',
];

type Operation = { ensure: number } | { edit: number };
const operation = fc.oneof<fc.Arbitrary<Operation>[]>(
  fc.nat(wanted.length - 1).map((ensure) => ({ ensure })),
  fc.nat(edits.length - 1).map((edit) => ({ edit })),
);

const real: Run = (argv, input = '') => sys.run(argv, { input });

/** Chains of both tables with their rules in order. The kernel chooses the order of the chains. */
function saved(run: Run): string[] {
  const chainOf = (line: string): string => line.replace(/^(-A|:)\s*(\S+).*/, '$2');
  return ['filter', 'nat'].flatMap((table) =>
    run(['iptables-nft-save', '-t', table])
      .stdout.split('\n')
      .filter((line) => /^(-A |:(FORWARD|POSTROUTING|CNIKIT|KUBE))/.test(line))
      .sort((one, other) => (chainOf(one) < chainOf(other) ? -1 : chainOf(one) > chainOf(other) ? 1 : 0)),
  );
}

const clear = (run: Run) => run(['iptables-nft-restore'], '*filter\nCOMMIT\n*nat\nCOMMIT\n');

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The model of the packet filter (needs the sandbox: run npm test at the root)',
  () => {
    // Other files' connections would meet them.
    afterAll(() => void clear(real));

    test('SimulatedFirewall behaves like iptables under random changes of the agent and of other programs', {
      timeout: 300_000,
    }, () => {
      fc.assert(
        fc.property(fc.array(operation, { minLength: 1, maxLength: 12 }), (operations) => {
          const hosts = [fakeIptables({ installed: ['nft'] }).run, real];
          for (const run of hosts) {
            clear(run);
          }
          const handles = hosts.map((run) =>
            openIptables({ family: 'ipv4', prefix: CHAIN_PREFIX, backend: 'nft', run, env: {} }),
          );
          for (const each of operations) {
            const [model, kernel] = hosts.map((run, i) =>
              'ensure' in each
                ? handles[i]!.ensure(wanted[each.ensure]!).changed
                : run(['iptables-nft-restore', '--noflush'], edits[each.edit]!).status === 0,
            );
            expect(model, JSON.stringify(each)).toBe(kernel);
            expect(saved(hosts[0]!), JSON.stringify(each)).toEqual(saved(real));
          }
        }),
        { numRuns: soakSize(10, 100), seed: soakSeed(1) },
      );
    });
  },
);
