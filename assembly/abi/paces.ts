/**
 * The root contexts that tick faster than once a second, and since when: few, and none in most modules, so that roots have no field
 * for it.
 */

@unmanaged
export class Pace {
  root: u32;
  /** Milliseconds between two ticks. */
  period: u32;
  /** When the second at hand began, on the monotonic clock. */
  secondBegan: u64;
}

const ENTRY: usize = offsetof<Pace>();

let table: usize = 0;
let capacity: u32 = 0;
let used: u32 = 0;

/** How fast this root ticks; null (0) for once a second. Valid until the next change. */
export function paceOf(root: u32): Pace {
  for (let at: u32 = 0; at < used; at++) {
    const pace = changetype<Pace>(table + <usize>at * ENTRY);
    if (pace.root == root) return pace;
  }
  return changetype<Pace>(0);
}

/** From `now` on this root ticks with a period of its own. It has no pace yet. */
export function addPace(root: u32, period: u32, now: u64): void {
  if (used == capacity) {
    capacity = max<u32>(8, capacity * 2);
    const size = <usize>capacity * ENTRY;
    table = table == 0 ? heap.alloc(size) : heap.realloc(table, size);
  }
  const pace = changetype<Pace>(table + <usize>used * ENTRY);
  used++;
  pace.root = root;
  pace.period = period;
  pace.secondBegan = now;
}

/** The root ticks once a second again, or is gone. */
export function forgetPace(root: u32): void {
  const pace = changetype<usize>(paceOf(root));
  if (pace == 0) return;
  used--;
  memory.copy(pace, table + <usize>used * ENTRY, ENTRY);
}
