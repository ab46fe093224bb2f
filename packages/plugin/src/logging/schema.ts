import * as z from 'zod/mini';

/** Where a network configuration wants its verbs logged, the field `log`; each that is set gets the line. */
export const logConfSchema = z.looseObject({
  /** A file to append to, an absolute path. */
  file: z.optional(z.string()),
  /** True for /dev/log, or the path of another datagram socket. */
  syslog: z.optional(z.union([z.boolean(), z.string()])),
  stderr: z.optional(z.boolean()),
});

export type LogConf = z.infer<typeof logConfSchema>;
