/**
 * Rules of other programs, as input of iptables-restore. Their counters are not zero, so that any change
 * shows.
 */
export const FOREIGN: Readonly<Record<string, string>> = {
  'kube-proxy-like': `*filter
:KUBE-FORWARD - [0:0]
:KUBE-SERVICES - [0:0]
[7:700] -A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
[9:900] -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
[1:100] -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
[2:200] -A KUBE-FORWARD -m comment --comment "says -j MINE-A in its text" -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-AAAA - [0:0]
:KUBE-SVC-BBBB - [0:0]
[3:300] -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
[4:400] -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
[5:500] -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
[6:600] -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
[7:700] -A KUBE-POSTROUTING -m comment --comment "SNAT" -j MASQUERADE --random-fully
[8:800] -A KUBE-SVC-BBBB -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-AAAA
COMMIT
`,
  'ufw-like': `*filter
:INPUT DROP [11:1100]
:FORWARD DROP [12:1200]
:ufw-after-forward - [0:0]
:ufw-before-forward - [0:0]
:ufw-reject-forward - [0:0]
[1:10] -A FORWARD -j ufw-before-forward
[2:20] -A FORWARD -j ufw-after-forward
[3:30] -A FORWARD -j ufw-reject-forward
[4:40] -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[5:50] -A ufw-after-forward -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
[6:60] -A ufw-reject-forward -j REJECT
COMMIT
`,
  'Docker-like': `*filter
:FORWARD DROP [5:500]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
[1:11] -A FORWARD -j DOCKER-USER
[2:22] -A FORWARD -j DOCKER-ISOLATION-STAGE-1
[3:33] -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[4:44] -A FORWARD -o docker0 -j DOCKER
[5:55] -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
[6:66] -A DOCKER-ISOLATION-STAGE-1 -j RETURN
[7:77] -A DOCKER-USER -j RETURN
COMMIT
*nat
:DOCKER - [0:0]
[8:88] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[9:99] -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
[1:11] -A POSTROUTING ! -o docker0 -j MASQUERADE
[2:22] -A DOCKER -i docker0 -j RETURN
COMMIT
`,
};
