/** An nftables table with a set, a map and a chain that drops by default. nft lists it and loads its listing again. */
import { execFileSync } from 'node:child_process';
import { parseAddress } from '@cnikit/ip';
import {
  delTable,
  NF_ACCEPT,
  NF_DROP,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
  openNftables,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';

const nft = openNftables();
const table = { family: 'inet', table: 'shop' } as const;
const admin = { key: parseAddress('192.0.2.1')! };
nft.commit([
  newTable({ family: 'inet', name: 'shop' }),
  newSet({ ...table, name: 'admins', key: 'ipv4_addr', id: 1 }),
  newElements({ ...table, name: 'admins' }, [admin]),
  newSet({ ...table, name: 'verdicts', key: 'ipv4_addr', data: 'verdict', id: 2 }),
  newElements({ ...table, name: 'verdicts' }, [{ ...admin, verdict: { code: NF_ACCEPT } }]),
  newChain({ ...table, name: 'in', hook: { type: 'filter', hook: 'input', priority: 0 }, policy: NF_DROP }),
  newRule({ ...table, chain: 'in', expressions: expr.verdictMap(['ip saddr'], 'verdicts') }),
  newRule({ ...table, chain: 'in', expressions: [...expr.source('10.0.0.0/8'), ...expr.accept()] }),
]);
const list = () => execFileSync('nft', ['list', 'table', 'inet', 'shop'], { encoding: 'utf8' });
const listing = list();
nft.commit([delTable({ family: 'inet', name: 'shop' })]);
execFileSync('nft', ['-f', '-'], { input: listing });
console.log(listing, list() === listing ? 'reloaded' : list());
nft.close();
