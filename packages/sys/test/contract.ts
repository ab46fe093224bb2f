/**
 * What every adapter of `Sys` must do: one table, run under Node (contract.test.ts) and, compiled into a
 * static executable, under QuickJS (toolchain/static-exe). So it uses nothing but `Sys` and the language.
 */
import type { Case } from './contract/case.ts';
import { fileCases } from './contract/files.ts';
import { processCases } from './contract/process.ts';
import { socketCases } from './contract/sockets.ts';

export { type Case, runCase } from './contract/case.ts';
export { liveCases } from './contract/live.ts';

/** Cases for any user and machine. */
export const cases: readonly Case[] = [...fileCases, ...processCases, ...socketCases];
