/**
 * The requests that wait without a call of their own, until their filter wakes them or their time is up. Bounded, and looked
 * through from end to end: there are some while something that all of them need is fetched, and none otherwise.
 */

import { proxy_set_effective_context } from "./imports";
import { WasmResultValues } from "./values";

/**
 * Whether any filter of the module parks requests. In a module where none does, nothing sets it, and the compiler drops all that
 * depends on it.
 */
export let parks: bool = false;

/** From now on requests may be parked. */
export function beginParking(): void {
  parks = true;
}

/** What is to become of a request that is parked. */
export enum ParkedState {
  Waits,
  /** Its filter is to be asked again. */
  Woken,
  /** The same, since its time is up. */
  Late,
}

/** A request that is parked. */
@unmanaged
export class Parked {
  /** On the monotonic clock, in nanoseconds. */
  deadline: u64;
  root: u32;
  stream: u32;
  /** Which of its root's filters has parked it, and that one's memo. */
  filter: u32;
  memo: u32;
  /** Tells the root's filters from later ones. */
  configuration: usize;
  state: ParkedState;
}

/** Requests that may be parked at once in a VM. */
const MOST: u32 = 4096;
const ENTRY: usize = offsetof<Parked>();

let table: usize = 0;
let capacity: u32 = 0;
let used: u32 = 0;
/** Up to where {@link takeWoken} has looked. */
let cursor: u32 = 0;

// @ts-ignore: decorator
@inline
function entryAt(position: u32): Parked {
  // In the first place is what {@link takeWoken} has taken.
  return changetype<Parked>(table + <usize>(position + 1) * ENTRY);
}

/** Whether one more request may be parked. */
export function mayPark(): bool {
  return used < MOST;
}

/** Whether any request of this root context is parked, and whether any of these is to be woken. */
export function hasParked(root: u32): bool {
  for (let at: u32 = 0; at < used; at++) if (entryAt(at).root == root) return true;
  return false;
}

export function hasWoken(root: u32): bool {
  for (let at: u32 = 0; at < used; at++) {
    const entry = entryAt(at);
    if (entry.root == root && entry.state != ParkedState.Waits) return true;
  }
  return false;
}

/** Whether this filter has parked any. */
export function hasParkedOf(root: u32, filter: u32, configuration: usize): bool {
  for (let at: u32 = 0; at < used; at++) {
    const entry = entryAt(at);
    if (entry.root == root && entry.filter == filter && entry.configuration == configuration) return true;
  }
  return false;
}

/** A place for one more; {@link mayPark} has said that there is one. It waits. */
export function addParked(): Parked {
  if (used == capacity) {
    capacity = max<u32>(64, capacity * 2);
    const size = <usize>(capacity + 1) * ENTRY;
    table = table == 0 ? heap.alloc(size) : heap.realloc(table, size);
  }
  const entry = entryAt(used++);
  entry.state = ParkedState.Waits;
  return entry;
}

/** Wakes those that this filter has parked. */
export function wakeParkedOf(root: u32, filter: u32, configuration: usize): void {
  for (let at: u32 = 0; at < used; at++) {
    const entry = entryAt(at);
    if (entry.root != root || entry.filter != filter || entry.configuration != configuration) continue;
    if (entry.state == ParkedState.Waits) entry.state = ParkedState.Woken;
  }
}

/** Wakes those of a root context whose time is up at `now`, and those of its earlier configurations. */
export function wakeLate(root: u32, configuration: usize, now: u64): void {
  for (let at: u32 = 0; at < used; at++) {
    const entry = entryAt(at);
    if (entry.root != root) continue;
    if (now >= entry.deadline || entry.configuration != configuration) entry.state = ParkedState.Late;
  }
}

/** Before {@link takeWoken} is called for the first time in a callback. */
export function beginWaking(): void {
  cursor = 0;
}

/** Takes one of this root context that is to be woken out of the table; null (0) when there is no more. Valid until {@link addParked} and the next one. */
export function takeWoken(root: u32): Parked {
  while (cursor < used) {
    const entry = entryAt(cursor);
    if (entry.root == root && entry.state != ParkedState.Waits) {
      memory.copy(table, changetype<usize>(entry), ENTRY);
      remove(cursor);
      return changetype<Parked>(table);
    }
    cursor++;
  }
  return changetype<Parked>(0);
}

/** Forgets those of a root context whose streams the host knows no more: their clients went away. Changes the effective context. */
export function forgetEnded(root: u32): void {
  for (let at: u32 = 0; at < used;) {
    const entry = entryAt(at);
    if (entry.root == root && proxy_set_effective_context(entry.stream) != WasmResultValues.Ok) remove(at);
    else at++;
  }
}

/** A root context is gone, and its streams before it. */
export function forgetParkedOf(root: u32): void {
  for (let at: u32 = 0; at < used;) {
    if (entryAt(at).root == root) remove(at);
    else at++;
  }
}

/** The last one takes its place. */
function remove(position: u32): void {
  used--;
  if (position != used)
    memory.copy(changetype<usize>(entryAt(position)), changetype<usize>(entryAt(used)), ENTRY);
}
