import {
  clock_time_get,
  proxy_get_current_time_nanoseconds,
  proxy_set_tick_period_milliseconds,
} from "../abi/imports";
import { WasmResultValues } from "../abi/values";
import { returnedPointer, returnedU64 } from "./returned";

/** The wall clock in nanoseconds since 1970. It may step, backwards too. 0 where the host does not say. */
export function now(): u64 {
  const answer = proxy_get_current_time_nanoseconds(returnedPointer());
  return answer == WasmResultValues.Ok ? returnedU64() : 0;
}

/** What the monotonic clock said last. */
let seen: u64 = 0;
/** Whether it has said anything when it was asked last. What is good for a time only is good no more where not. */
export let clockAnswers: bool = true;

/** A clock in nanoseconds that never steps back; its zero means nothing. It stands still where the host does not say. */
export function monotonicNow(): u64 {
  clockAnswers = clock_time_get(1, 0, returnedPointer()) == 0;
  if (clockAnswers) seen = returnedU64();
  return seen;
}

/** Calls the root context's tick every so many milliseconds; 0 stops it. Only from a root context. */
export function setTickPeriod(milliseconds: u32): void {
  proxy_set_tick_period_milliseconds(milliseconds);
}
