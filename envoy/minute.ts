/** Global limits per minute count by the minutes of the clock. */
import { setTimeout as sleep } from "node:timers/promises";

/** Waits for the next minute where this one has fewer milliseconds left than are needed, and tells. */
export async function roomInMinute(needed: number): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left >= needed) return;
  console.log(`(waiting ${Math.ceil(left / 1000)} s for the next minute)`);
  // A little more, since a timer may be early.
  await sleep(left + 20);
}
