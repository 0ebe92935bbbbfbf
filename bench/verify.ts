/** A row that does not do its job measures nothing: what each must show before its first burst. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Envoy } from "./envoy.ts";
import { exchange } from "./load.ts";
import { probe, refused } from "./requests.ts";
import { COPIES, headerOf, type Variant } from "./variants.ts";

/** Metrics of Wasm filters are flushed once a second. Milliseconds. */
const PATIENCE = 5000;

/** Throws with what is wrong. */
export async function verify(variant: Variant, envoy: Envoy, port: number): Promise<void> {
  const { check } = variant;
  if (check === null) return;
  if (check.kind === "headers") return verifyHeaders(variant, port);
  await verifyCounter(variant, envoy, port, check.counter);
  if (check.refuses) await verifyRefusal(variant, port);
}

/** Each copy decides right, for a hit and for a miss, and overwrites what a client forged. */
async function verifyHeaders(variant: Variant, port: number): Promise<void> {
  for (const [isHit, expected] of [
    [true, "v2"],
    [false, "v1"],
  ] as const) {
    const { status, headers } = await exchange(port, probe(isHit, [headerOf(3), "forged"]));
    for (let copy = 1; copy <= COPIES; copy++) {
      const seen = headers.get(`seen-${headerOf(copy)}`);
      if (status === 200 && seen === expected) continue;
      throw new Error(
        `"${variant.title}" does not do its job: copy ${copy} of ${COPIES} should have set ${headerOf(copy)}: ` +
          `${expected}, got ${seen ?? "no header"} (status ${status})`,
      );
    }
  }
}

/** Each copy counts the first request. */
async function verifyCounter(variant: Variant, envoy: Envoy, port: number, counter: string): Promise<void> {
  const { status } = await exchange(port, probe(true));
  const end = Date.now() + PATIENCE;
  let counted = 0;
  while (counted < COPIES && Date.now() < end) {
    counted = await envoy.sum(counter);
    await sleep(50);
  }
  if (status !== 200 || counted !== COPIES) {
    throw new Error(
      `"${variant.title}" does not do its job: of ${COPIES} copies ${counted} counted a request (status ${status})`,
    );
  }
}

/** The limit of one key holds for it. */
async function verifyRefusal(variant: Variant, port: number): Promise<void> {
  const first = await exchange(port, refused());
  const second = await exchange(port, refused());
  if (first.status !== 200 || second.status !== 429) {
    throw new Error(
      `"${variant.title}" does not do its job: a key with one request a day got ${first.status}, ${second.status}`,
    );
  }
}
