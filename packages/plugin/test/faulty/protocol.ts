/** What the faulty executable and its caller agree on. */

/** The environment variable that says at which call to fail, from 1. */
export const FAULT_AT = 'CNIKIT_FAULT_AT';
/** The environment variable that says how. */
export const FAULT_MODE = 'CNIKIT_FAULT_MODE';

/**
 * How a call goes wrong: `fail`, before it does anything; `late`, after it did all, as when an answer is lost; `kill`,
 * the process ends before the call, as by SIGKILL.
 */
export const FAULT_MODES = ['fail', 'late', 'kill'] as const;
export type FaultMode = (typeof FAULT_MODES)[number];

/** On stderr when the call was reached, with its name behind it. */
export const FAULT_REACHED = 'fault at ';
/** The exit status of a killed one: what a shell reports for SIGKILL. */
export const KILLED = 137;
