import * as z from 'zod/mini';
import { isBooleanText } from '../checks.ts';
import { dnsSchema } from './result.ts';

const flag = z.optional(
  z.union([z.boolean(), z.string().check(z.refine(isBooleanText, 'expected true or false'))]),
);

/** A valid attachment, for GC. */
export const attachmentSchema = z.looseObject({ containerID: z.string(), ifname: z.string() });

/** The ipam part of a configuration: `type` names the delegate, which defines the rest. */
export const ipamSchema = z.looseObject({ type: z.optional(z.string()) });

/**
 * The configuration that a plugin reads on stdin. Other keys are kept. `args` is not validated, as it is
 * optional data by convention.
 */
export const networkConfigSchema = z.looseObject({
  cniVersion: z.optional(z.string()),
  name: z.optional(z.string()),
  type: z.optional(z.string()),
  capabilities: z.optional(z.record(z.string(), z.boolean())),
  ipam: z.optional(ipamSchema),
  dns: z.optional(dnsSchema),
  args: z.optional(z.unknown()),
  runtimeConfig: z.optional(z.record(z.string(), z.unknown())),
  prevResult: z.optional(z.record(z.string(), z.unknown())),
  'cni.dev/valid-attachments': z.optional(z.nullable(z.array(attachmentSchema))),
  'cni.dev/attachments': z.optional(z.nullable(z.array(attachmentSchema))),
});

/** A configuration list, written by an administrator. */
export const networkConfigListSchema = z.looseObject({
  cniVersion: z.optional(z.string()),
  cniVersions: z.optional(z.array(z.string())),
  name: z.string(),
  disableCheck: flag,
  disableGC: flag,
  loadOnlyInlinedPlugins: flag,
  plugins: z.optional(z.array(z.record(z.string(), z.unknown()))),
});

/** The reply of a plugin to VERSION. */
export const versionReplySchema = z.looseObject({
  cniVersion: z.string(),
  supportedVersions: z.optional(z.array(z.string())),
});

/** The error that a plugin prints on stdout. */
export const errorDocumentSchema = z.looseObject({
  cniVersion: z.optional(z.string()),
  code: z.int().check(z.gte(0)),
  msg: z.optional(z.string()),
  details: z.optional(z.string()),
});

/** An element of `cni.dev/valid-attachments`, for GC. */
export type Attachment = z.infer<typeof attachmentSchema>;
/** The `ipam` object: a plugin and its configuration. */
export type Ipam = z.infer<typeof ipamSchema>;
/** The configuration on the stdin of a plugin. */
export type NetworkConfig = z.infer<typeof networkConfigSchema>;
/** Content of a `.conflist` file. */
export type NetworkConfigList = z.infer<typeof networkConfigListSchema>;
/** The reply to VERSION. */
export type VersionReply = z.infer<typeof versionReplySchema>;
/** The error that a plugin prints. */
export type ErrorDocument = z.infer<typeof errorDocumentSchema>;
