/** What there is to know for somebody who has found the file. */
export function help(names: readonly string[]): string {
  return `This is a CNI plugin: a container runtime starts it for each pod, with the verb in CNI_COMMAND and the
network configuration on stdin. It is the plugin that the name it is run as says:
${names.join(', ')}.

By hand:
  cnikit explain < FILE   what ADD would do for a configuration, or a list of them; nothing is changed.
                          The status is 1 when something in it is invalid
  cnikit version          its version, and those of CNI that it speaks
  cnikit --help           this

One pod by hand, as a runtime does it:
  ip netns add try
  export CNI_CONTAINERID=try CNI_NETNS=/run/netns/try CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin
  CNI_COMMAND=ADD ./bridge < FILE
  CNI_COMMAND=DEL ./bridge < FILE
`;
}
