/** Output of --help; kept beside the options that it explains. */
export const USAGE = `Usage: cnikit-cni COMMAND ...

  add NETWORK NETNS      attach a network namespace to a network
  check NETWORK NETNS    check that the attachment is unchanged
  del NETWORK NETNS      delete the attachment
  status NETWORK         check that the plugins are ready for add
  gc NETWORK ID/IFNAME.. free every attachment that is not listed; --none if none is in use
  version [PLUGIN ...]   print the CNI versions that plugins support
  explain [FILE]         describe what ADD of cnikit's plugins does for a configuration
  conformance PLUGIN     test a plugin against the CNI specification, in temporary namespaces

NETWORK is the name in a configuration file, or the path of the file. NETNS is a path, or a name of "ip netns".

  --json                 print one JSON document on stdout
  --help, -h             print this text
  --version              print the version of cnikit-cni
  --conf-dir DIR         directory of the configuration files (NETCONFPATH, /etc/cni/net.d)
  --path DIR:DIR         directories of the plugins (CNI_PATH, /opt/cni/bin)
  --cache-dir DIR        directory of the results between add and del (/var/lib/cni)
  --container-id ID      container ID (derived from NETNS)
  --ifname NAME          interface in the namespace (CNI_IFNAME, eth0)
  --args K=V;K=V         arguments for the plugins (CNI_ARGS)
  --cap-args JSON        capability arguments, such as {"mac":"..."} (CAP_ARGS)
  --timeout SECONDS      time limit for each plugin (60)

Options of conformance:
  --conf FILE            the plugin's configuration as JSON; required for plugins without a preset
  --only ID,ID           test only these requirements, such as ENV-1,DEL-2
  --junit FILE           write a JUnit XML report
`;
