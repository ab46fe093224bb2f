/** Protocol between the fault-injecting executable and its caller. */

/** Environment variable with the number of the call to fail, from 1. */
export const FAULT_AT = 'CNIKIT_FAULT_AT';
/** Environment variable with the mode. */
export const FAULT_MODE = 'CNIKIT_FAULT_MODE';

/**
 * How a call fails: `fail` without any effect, `late` after taking effect, as when a reply is lost, `kill` by ending
 * the process before the call, as by SIGKILL.
 */
export const FAULT_MODES = ['fail', 'late', 'kill'] as const;
export type FaultMode = (typeof FAULT_MODES)[number];

/** Prefix of the line on stderr that names the failed call. */
export const FAULT_REACHED = 'fault at ';
/** Exit status after `kill`: what a shell reports for SIGKILL. */
export const KILLED = 137;
