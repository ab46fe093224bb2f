// Tests of the upstream plugins that our executable fails, and why.

/** @type {readonly { suite: string, test: RegExp, reason: string }[]} */
export const DIFFERENCES = [
  {
    suite: 'host-local',
    test: /ignores whitespace in disk files/,
    reason: 'the container ID has spaces, which upstream refuses too when it is executed',
  },
  {
    suite: 'host-local',
    test: /releases every reservation when the runtime reports no attachments|leaves the store usable/,
    reason: 'GC without a list of attachments frees nothing: some runtimes pass none while pods run',
  },
  {
    suite: 'bridge',
    test: /\[0\.[12]\.0\] \(3\) configures and deconfigures a bridge/,
    reason: 'DEL succeeds with a configuration that ADD refuses, so that pods can end',
  },
  {
    suite: 'bridge',
    test: /checks ip release in case of error/,
    reason: 'the test sets a variable of the linked code, which an executable does not have',
  },
  {
    suite: 'bridge',
    test: /ipMasq rules with ipMasqBackend ""/,
    reason: 'without ipMasqBackend, the rules are in nftables where the kernel has it',
  },
  {
    suite: 'tuning',
    test: /does not allow ifname with path separator/,
    reason: 'the error names CNI_IFNAME and its value, in other words',
  },
];
