/** The verbs of `tuning` and what they read from the configuration: most networks have no such plugin. */
export { add } from './add.ts';
export { check } from './check.ts';
export { del, gc } from './del.ts';
export { tuningSettings, tuningSettingsForDel } from './settings.ts';
