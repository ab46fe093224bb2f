import { expect, test } from 'vitest';
import { parseSave } from './parse.ts';
import { dropsByDefault, effectsOf } from './verdicts.ts';

/** Rules as the programs write them, read back by iptables-save 1.8.9. */
const SAVED = `*filter
:FORWARD DROP [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-ROUTER-FORWARD - [0:0]
:KUBE-POD-FW-ABC - [0:0]
:cali-FORWARD - [0:0]
:cali-from-wl-dispatch - [0:0]
:DOCKER-USER - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER - [0:0]
:ufw-before-forward - [0:0]
:ufw-reject-forward - [0:0]
:ufw-track-forward - [0:0]
:FORWARD_direct - [0:0]
:FORWARD_IN_ZONES - [0:0]
:FWDI_public - [0:0]
:LOOP-A - [0:0]
:LOOP-B - [0:0]
:ENDS-EARLY - [0:0]
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-SERVICES -d 10.96.0.5/32 -p tcp -m comment --comment "default/web has no endpoints" -j REJECT --reject-with icmp-port-unreachable
-A KUBE-ROUTER-FORWARD -d 10.244.1.5/32 -m comment --comment "rule to jump traffic destined to POD" -j KUBE-POD-FW-ABC
-A KUBE-POD-FW-ABC -m comment --comment "rule to REJECT traffic" -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable
-A cali-FORWARD -i cali+ -m comment --comment "cali:B9G" -j cali-from-wl-dispatch
-A cali-from-wl-dispatch -m comment --comment "cali:zTj" -m comment --comment "Unknown interface" -j DROP
-A DOCKER-USER -j RETURN
-A DOCKER-FORWARD -j DOCKER
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable
-A FORWARD_IN_ZONES -i eth0 -g FWDI_public
-A FWDI_public -j REJECT --reject-with icmp-host-prohibited
-A LOOP-A -j LOOP-B
-A LOOP-B -j LOOP-A
-A ENDS-EARLY -m comment --comment "all is well" -j ACCEPT
-A ENDS-EARLY -j DROP
COMMIT
`;

test.each([
  ['-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD', 'decides'],
  [
    '-m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
    'harmless',
  ],
  [
    '-m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    'decides',
  ],
  ['-m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-FORWARD', 'decides'],
  ['-m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD', 'decides'],
  ['-j DOCKER-USER', 'harmless'],
  ['-j DOCKER-FORWARD', 'decides'],
  ['-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', 'harmless'],
  ['-j ufw-before-forward', 'harmless'],
  ['-j ufw-reject-forward', 'blocks-all'],
  ['-j ufw-track-forward', 'harmless'],
  ['-j FORWARD_direct', 'harmless'],
  ['-j FORWARD_IN_ZONES', 'decides'],
  ['-m conntrack --ctstate INVALID -j DROP', 'decides'],
  ['-j REJECT --reject-with icmp-host-prohibited', 'blocks-all'],
  ['-m comment --comment "the -j DROP of an administrator" -j DROP', 'blocks-all'],
  ['-m comment --comment "-j DROP" -j LOG --log-prefix "-j DROP"', 'harmless'],
  ['-s 10.244.0.0/16 -j DROP', 'decides'],
  ['-j NFQUEUE --queue-num 100', 'decides'],
  ['-j LOOP-A', 'harmless'],
  ['-j ENDS-EARLY', 'harmless'],
  ['-m comment --comment "counts only"', 'harmless'],
] as const)('effectsOf() judges the rule %s: %s', (rule, effect) => {
  const effectOf = effectsOf(parseSave(SAVED).tables.get('filter'));
  expect(effectOf(rule)).toBe(effect);
});

test.each([
  ['a policy of DROP', ':FORWARD DROP [0:0]\n', true],
  ['a policy of ACCEPT', ':FORWARD ACCEPT [0:0]\n', false],
  [
    'a last rule that rejects',
    ':FORWARD ACCEPT [0:0]\n-A FORWARD -m comment --comment "x" -j REJECT\n',
    true,
  ],
  ['a chain that rejects all', ':FORWARD ACCEPT [0:0]\n:Z - [0:0]\n-A FORWARD -j Z\n-A Z -j REJECT\n', true],
  ['a rule that drops some packets', ':FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp -j DROP\n', false],
  ['no such chain', '', false],
])('dropsByDefault() of a chain with %s', (_, text, drops) => {
  const saved = parseSave(`*filter\n${text}COMMIT\n`).tables.get('filter');
  expect(dropsByDefault(saved, 'FORWARD')).toBe(drops);
});
