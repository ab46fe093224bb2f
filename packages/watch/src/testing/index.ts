/**
 * Test helpers for programs built on the watch.
 *
 * ```ts
 * const clock = virtualClock();
 * clock.timer(300_000, () => console.log('five minutes later'));
 * await clock.advance(300_000);
 * ```
 */
export { type VirtualClock, virtualClock } from './virtual-clock.ts';
