/** What the command is told about; kept beside the options that it explains. */
export const USAGE = `Usage: cnikit-cni COMMAND ...

  add NETWORK NETNS      run the plugins of a network for a namespace
  check NETWORK NETNS    ask them whether all is still as they left it
  del NETWORK NETNS      and take it back
  status NETWORK         ask them whether they can serve add
  gc NETWORK ID/IFNAME.. free what is not listed; --none if nothing is in use
  version [PLUGIN ...]   which versions plugins speak, by file name
  explain [FILE]         describe what ADD of cnikit's plugins does for a configuration
  conformance PLUGIN     try a plugin, in throw-away namespaces, against the CNI specification

NETWORK is the name in a configuration file, or the path of one. NETNS is a path, or a name as "ip netns" has it.

  --json                 one JSON document on stdout and nothing else
  --conf-dir DIR         configuration files (NETCONFPATH, /etc/cni/net.d)
  --path DIR:DIR         plugin executables (CNI_PATH, /opt/cni/bin)
  --cache-dir DIR        results between add and del (/var/lib/cni)
  --container-id ID      made from NETNS if not given
  --ifname NAME          interface in the namespace (CNI_IFNAME, eth0)
  --args K=V;K=V         CNI_ARGS for the plugins (CNI_ARGS)
  --cap-args JSON        capability arguments, such as {"mac":"..."} (CAP_ARGS)
  --timeout SECONDS      for each plugin (60)

  conformance:
  --conf FILE            the plugin's configuration, as JSON; needed for plugins that this does not know
  --only ID,ID           such as ENV-1,DEL-2
  --junit FILE           write JUnit's XML there
`;
