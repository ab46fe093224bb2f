import * as z from 'zod/mini';

/** The field `log` of a network configuration: destinations of log lines. */
export const logConfSchema = z.looseObject({
  /** Absolute path of a file to append to. */
  file: z.optional(z.string()),
  /** True for /dev/log, or the path of another datagram socket. */
  syslog: z.optional(z.union([z.boolean(), z.string()])),
  stderr: z.optional(z.boolean()),
});

export type LogConf = z.infer<typeof logConfSchema>;
