import { beginParking, mayPark, parks, wakeParkedOf } from "./abi/parked";
import { askingConfiguration, askingFilter, askingRoot, CallAnswer } from "./waiting";

/**
 * Requests that wait without a call of their own: for what their filter fetches for all of them. A filter parks the request
 * and returns `Verdict.Wait`; when there is something new it wakes all that it has parked, and is asked about each of them again
 * (`Filter.onAnswer`, with `answer.woken`), in no order.
 */

/** The one answer about a request that was parked. Made by {@link keepParking}. */
export let wokenAnswer: CallAnswer = changetype<CallAnswer>(0);

/** Says, while the filter is configured, that it will use {@link park}. */
export function keepParking(): void {
  if (!parks) wokenAnswer = new CallAnswer();
  beginParking();
}

let milliseconds: u32 = 0;
let parkedMemo: u32 = 0;
/** Of a request that is asked about again: until when it waits at most; 0 of one that was not parked. */
let heldUntil: u64 = 0;
/** Of such a request: its time is up. */
let late: bool = false;

/**
 * Parks the request at hand for at most so many milliseconds, more than 0; then return `Verdict.Wait`. From `onRequest` and `onAnswer` of a filter
 * that has said {@link keepParking}. One
 * that is parked again waits no longer than it was to wait at first. False when it cannot be parked, since too many are (4096 in a VM) or
 * its time is up: decide without what is waited for. `memo` comes back with it. A call that was sent for the same request is then not waited for.
 */
export function park(memo: u32, atMost: u32): bool {
  milliseconds = parks && mayPark() && !late ? atMost : 0;
  parkedMemo = memo;
  return milliseconds > 0;
}

/**
 * Asks again about all requests that this filter has parked, as soon as the callback at hand is done. From `onTick`, `onParked`,
 * `onBackground` and `onAnswer`.
 */
export function wakeParked(): void {
  wakeParkedOf(askingRoot, askingFilter, askingConfiguration);
}

/** Before a filter is asked: what another one has parked is not its own. */
export function forgetParking(): void {
  milliseconds = 0;
}

/** For how long the request is to be parked; 0 when it is not. */
export function parkingTime(): u32 {
  return milliseconds;
}

export function parkingMemo(): u32 {
  return parkedMemo;
}

/** When a request is to be woken that is parked `now`. */
export function parkingDeadline(now: u64): u64 {
  const deadline = now + <u64>milliseconds * 1000000;
  return heldUntil != 0 && heldUntil < deadline ? heldUntil : deadline;
}

/** Before a filter is asked again about a request that it has parked. */
export function beginWoken(deadline: u64, isLate: bool): void {
  heldUntil = deadline;
  late = isLate;
}

export function isWoken(): bool {
  return heldUntil != 0;
}

export function isLate(): bool {
  return late;
}

/** The filters behind it have time of their own. */
export function endWoken(): void {
  heldUntil = 0;
  late = false;
}
