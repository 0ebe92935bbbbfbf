/**
 * When to collect. `--runtime minimal` collects only when told, and only while nothing managed is on the stack: at
 * the end of an exported callback. The suite's filters make no garbage on the request path and are collected when a
 * configuration goes; contexts of developers' filters are, each of them.
 */

/** Callbacks that may leave garbage behind before a collection is worth its time. */
const LEAST = 256;

let left: i32 = 0;
let due: bool = false;

/** A callback leaves garbage behind, while so many streams are `alive`. */
export function noteGarbage(alive: i32): void {
  // In proportion to what lives, so that the cost a stream stays constant.
  due = ++left > LEAST + 2 * alive;
}

/** Collects when enough has gathered. Only from the end of an exported callback. */
// @ts-ignore: decorator
@inline
export function collectWhenDue(): void {
  if (!due) return;
  due = false;
  left = 0;
  // @ts-ignore: a builtin of the runtime.
  __collect();
}
