/** A row that does not do its job measures nothing: what each must show before its first burst. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Envoy } from "./envoy.ts";
import { exchange } from "./load.ts";
import { probe, refused } from "./requests.ts";
import { COPIES, headerOf, type Variant } from "./variants.ts";

/** Metrics of Wasm filters are flushed once a second. Milliseconds. */
const PATIENCE = 5000;

/** The number of the request by which a row shows that it does its job: no burst comes so far. */
const PROBE = 0xffffffff;

/** Throws with what is wrong. `feedPort` is where the request goes first, if anywhere. */
export async function verify(
  variant: Variant,
  envoy: Envoy,
  port: number,
  feedPort: number | null,
): Promise<void> {
  const { check } = variant;
  if (check === null) return;
  if (check.kind === "headers") return verifyHeaders(variant, port);
  if (check.kind === "settled") {
    await exchange(port, hitOf(variant));
    await variant.settled?.(1);
    return;
  }
  await verifyCounter(variant, envoy, [...(feedPort === null ? [] : [feedPort]), port], check.counter);
  await variant.settled?.(1);
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
async function verifyCounter(
  variant: Variant,
  envoy: Envoy,
  ports: readonly number[],
  counter: string,
): Promise<void> {
  let status = 0;
  for (const port of ports) ({ status } = await exchange(port, hitOf(variant)));
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

/** A request that has the filter do what it does in bursts. */
function hitOf(variant: Variant): Buffer {
  return variant.requests?.(5, variant.expected).at(PROBE) ?? probe(true);
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
