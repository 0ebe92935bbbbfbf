/**
 * `local-rate-limit` beside Envoy's own `local_ratelimit`, in one Envoy, over the same requests. Both have buckets that fill continuously
 * (Envoy's `AtomicTokenBucketImpl` keeps the time at which its bucket was empty, ours the time at which it will be full), both over all
 * workers, and so they are to admit the same, but for:
 *
 * - A request that Envoy's default bucket refuses has taken from its descriptor's bucket before (`LocalRateLimiterImpl::requestAllowed`);
 *   ours are charged all or none. What is admitted is the same as long as the default bucket gets nothing back.
 * - `x-ratelimit-limit` is Envoy's `max_tokens` and our requests a period; `x-ratelimit-reset` is until the next token there and until
 *   the bucket is full here.
 * - The two see a request at slightly different times: see {@link Bucket}.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { dial, send } from "../envoy/http1.ts";
import { LimitingEnvoy } from "./envoy.ts";
import { nativeFilter, pluginConfig, type SharedLimit } from "./native.ts";
import type { Rate } from "./proxy.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

/** `""` is a key as others are; no override can be of it, as that is how Envoy writes "any". */
const KEYS = ["a", "b", "gold", "k".repeat(300), 'with "quotes", and more'];
const key = fc.option(fc.constantFrom(...KEYS, ""), { nil: undefined });

const rates = (per: readonly Rate["per"][], most: number): fc.Arbitrary<Rate> =>
  fc
    .record(
      {
        requests: fc.integer({ min: 1, max: most }),
        per: fc.constantFrom(...per),
        burst: fc.integer({ min: 1, max: 6 }),
      },
      { requiredKeys: ["requests", "per"], noNullPrototype: true },
    )
    .map(({ burst, ...rest }) => (burst === undefined ? rest : { ...rest, burst }));

const limits = (rate: fc.Arbitrary<Rate>): fc.Arbitrary<SharedLimit> =>
  fc.record(
    {
      rate,
      keyed: fc.record(
        {
          overrides: fc.dictionary(fc.constantFrom(...KEYS), rate, { maxKeys: 3, noNullPrototype: true }),
          onMissingKey: fc.constantFrom("skip", "share"),
        },
        { noNullPrototype: true },
      ),
    },
    { requiredKeys: ["rate"], noNullPrototype: true },
  );

const SLOW = rates(["minute", "hour", "day"], 10);
/** Milliseconds after which the first unit of these comes back. */
const FIRST_BACK = 6000;

describe("local-rate-limit beside Envoy's local_ratelimit", () => {
  let limiting: LimitingEnvoy;
  let pairs = 0;

  beforeAll(async () => {
    limiting = await LimitingEnvoy.start(2);
  });

  afterAll(async () => {
    await limiting.stop();
  });

  test("admits the same requests and tells the same remainder, where nothing comes back meanwhile", async () => {
    const sample = fc.sample(fc.tuple(limits(SLOW), fc.array(key, { minLength: 40, maxLength: 40 })), {
      seed,
      numRuns: 40,
    });
    const both = await open(sample.map(([limit]) => limit));
    const counts = { admitted: 0, refused: 0, unlimited: 0 };
    for (const [at, [limit, keys]] of sample.entries()) {
      const began = performance.now();
      const ours: Seen[] = [];
      const natives: Seen[] = [];
      for (const one of keys) {
        const { our, native } = await both[at]!.ask(one);
        ours.push(our);
        natives.push(native);
        if (our.remaining === undefined) counts.unlimited++;
        else if (our.admitted) counts.admitted++;
        else counts.refused++;
      }
      both[at]!.close();
      expect(performance.now() - began).toBeLessThan(FIRST_BACK);
      expect(ours, JSON.stringify({ seed, limit, keys })).toEqual(natives);
    }
    console.log(JSON.stringify(counts));
    expect(Math.min(counts.admitted, counts.refused, counts.unlimited)).toBeGreaterThan(0);
  });

  test("admits the same requests under a bucket of all beside their own", async () => {
    const sample = fc.sample(
      fc.tuple(limits(SLOW), rates(["hour"], 30), fc.array(key, { minLength: 30, maxLength: 30 })),
      { seed, numRuns: 20 },
    );
    // Without a key there is one bucket only, which cannot be Envoy's default bucket and its descriptor's.
    const shared = sample.map(([{ rate, keyed }, total]): SharedLimit => ({
      rate,
      keyed: { overrides: keyed?.overrides ?? {}, onMissingKey: "skip" },
      total,
    }));
    const both = await open(shared);
    for (const [at, [, , keys]] of sample.entries()) {
      const began = performance.now();
      const ours: boolean[] = [];
      const natives: boolean[] = [];
      for (const one of keys) {
        const { our, native } = await both[at]!.ask(one);
        ours.push(our.admitted);
        natives.push(native.admitted);
      }
      both[at]!.close();
      expect(performance.now() - began).toBeLessThan(FIRST_BACK);
      expect(ours, JSON.stringify({ seed, limit: shared[at], keys })).toEqual(natives);
      expect(ours[0]).toBe(true);
    }
  });

  test("admits the same requests while units come back", async () => {
    const step = fc.tuple(key, fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 900 })));
    const sample = fc.sample(
      fc.tuple(limits(rates(["second"], 4)), fc.array(step, { minLength: 30, maxLength: 30 })),
      { seed, numRuns: 24 },
    );
    const both = await open(sample.map(([limit]) => limit));
    const counts = { admitted: 0, refused: 0, unsure: 0, abandoned: 0 };
    await Promise.all(
      sample.map(async ([limit, steps], at) => {
        const buckets = new Map<string, Bucket>();
        for (const [one, pause] of steps) {
          await sleep(pause);
          const bucket = bucketOf(limit, one, buckets);
          while (bucket?.verdict(performance.now(), performance.now() + MARGIN) === "unsure")
            await sleep(MARGIN / 4);
          const sent = performance.now();
          const { our, native } = await both[at]!.ask(one);
          const answered = performance.now();
          const verdict = bucket === undefined ? "admitted" : bucket.verdict(sent, answered);
          counts[verdict]++;
          const told = JSON.stringify({ seed, limit, key: one, verdict });
          if (verdict === "unsure" && our.admitted !== native.admitted) {
            // From here on the two buckets are different.
            counts.abandoned++;
            break;
          }
          expect(our.admitted, told).toBe(native.admitted);
          if (verdict !== "unsure") expect(our.admitted, told).toBe(verdict === "admitted");
          if (our.admitted) bucket?.take(sent, answered);
        }
        both[at]!.close();
      }),
    );
    console.log(JSON.stringify(counts));
    expect(Math.min(counts.admitted, counts.refused)).toBeGreaterThan(20);
    // A machine that stalls makes some moments unsure; were it most of them, this test would say nothing.
    expect(counts.unsure).toBeLessThan(counts.admitted + counts.refused);
    expect(counts.abandoned).toBeLessThan(sample.length / 2);
  });

  /** For each of these limits the plugin and Envoy's filter, each with a listener of its own. */
  async function open(shared: readonly SharedLimit[]): Promise<Both[]> {
    const opened: [number, number][] = [];
    for (const limit of shared) {
      const name = `pair-${++pairs}`;
      const plugin = await limiting.add(name, { plugin: pluginConfig(limit) });
      opened.push([plugin, await limiting.add(`${name}-native`, { native: nativeFilter(limit) })]);
    }
    await limiting.apply(2 * shared.length);
    return opened.map(([plugin, native]) => new Both(plugin, native));
  }
});

/** Milliseconds in which a request should reach both filters. */
const MARGIN = 40;

/**
 * A bucket of which it is not known at what time it was taken from, only between which: from when the request was sent until both
 * answers were there. Where that leaves open whether a unit has come back, the verdict is unsure.
 */
class Bucket {
  /** When it will be full, at the earliest and at the latest; milliseconds. */
  private earliest = 0;
  private latest = 0;
  private readonly interval: number;
  private readonly burst: number;

  constructor({ requests, burst }: Rate) {
    this.interval = 1000 / requests;
    this.burst = burst ?? requests;
  }

  /** What becomes of a request that arrives between these times. */
  verdict(from: number, to: number): "admitted" | "refused" | "unsure" {
    const spare = (this.burst - 1) * this.interval;
    if (this.latest <= from + spare) return "admitted";
    return this.earliest > to + spare ? "refused" : "unsure";
  }

  take(from: number, to: number): void {
    this.earliest = Math.max(this.earliest, from) + this.interval;
    this.latest = Math.max(this.latest, to) + this.interval;
  }
}

/** The bucket that a request with this key takes from; none when it is not limited. */
function bucketOf(
  { rate, keyed }: SharedLimit,
  one: string | undefined,
  buckets: Map<string, Bucket>,
): Bucket | undefined {
  if (keyed?.onMissingKey === "skip" && one === undefined) return undefined;
  const own = keyed !== undefined && one !== undefined;
  const name = own ? `key ${one}` : "all";
  let bucket = buckets.get(name);
  if (bucket === undefined)
    buckets.set(name, (bucket = new Bucket((own ? keyed.overrides[one] : undefined) ?? rate)));
  return bucket;
}

interface Seen {
  admitted: boolean;
  /** `x-ratelimit-remaining`. */
  remaining: string | undefined;
}

/** A plugin's listener and Envoy's filter's, each with a connection. */
class Both {
  readonly #plugin: Socket;
  readonly #native: Socket;

  constructor(plugin: number, native: number) {
    this.#plugin = dial(plugin);
    this.#native = dial(native);
  }

  /** Sends a request to both at once. */
  async ask(one: string | undefined): Promise<{ our: Seen; native: Seen }> {
    const [our, native] = await Promise.all([ask(this.#plugin, one), ask(this.#native, one)]);
    return { our, native };
  }

  close(): void {
    this.#plugin.destroy();
    this.#native.destroy();
  }
}

async function ask(socket: Socket, one: string | undefined): Promise<Seen> {
  const headers: Header[] = one === undefined ? [] : [["x-key", one]];
  const { response } = await send(socket, { method: "GET", path: "/", headers }, 10_000);
  expect([200, 429]).toContain(response.status);
  const remaining = response.headers.find(([name]) => name === "x-ratelimit-remaining")?.[1];
  return { admitted: response.status === 200, remaining };
}
