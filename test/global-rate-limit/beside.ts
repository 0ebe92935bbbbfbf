/**
 * `global-rate-limit` beside Envoy's own `ratelimit` filter, in one Envoy, with one service: the same requests to both, each in a domain of
 * its own, which the service limits alike. Status and `x-ratelimit-*` headers are to be equal, but for two things: ours tells the
 * limit's name where the service tells none, and the service may be asked in two different seconds of the clock. Limits of no requests
 * at all are not among them: Envoy's filter tells them, and ours does not.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect } from "vitest";
import type { Header } from "../driver.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { dial, send } from "../envoy/http1.ts";
import { freePort } from "../envoy/process.ts";
import { LimitingEnvoy } from "../local-rate-limit/envoy.ts";
import {
  CLUSTER,
  nativeFilter,
  pluginConfig,
  serviceConfig,
  type AskedLimit,
  type Entry,
  type ServiceNode,
  type Unit,
} from "./native.ts";

const HEADERS = { user: "x-user", tenant: "x-tenant" } as const;
const VALUES = ["ann", "bob", "a|b_c:d"];
const FIXED: Entry = { key: "all", value: "requests" };
const ADDRESS: Entry = { key: "remote_address" };
const REQUESTS = 25;

type RequestHeaders = Readonly<Record<string, string>>;

interface Case {
  limits: readonly AskedLimit[];
  nodes: ServiceNode[];
  requests: readonly RequestHeaders[];
}

const header = fc
  .constantFrom<(keyof typeof HEADERS)[]>("user", "tenant")
  .chain((key) => fc.boolean().map((skipIfMissing): Entry => ({ key, header: HEADERS[key], skipIfMissing })));
const descriptor = fc.uniqueArray(fc.oneof(header, fc.constantFrom(FIXED, ADDRESS)), {
  selector: ({ key }) => key,
  minLength: 1,
  maxLength: 3,
});
const limit: fc.Arbitrary<AskedLimit> = fc.record(
  {
    descriptors: fc.array(descriptor, { minLength: 1, maxLength: 2 }),
    hits: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ["descriptors"], noNullPrototype: true },
);
const rate = fc.record(
  {
    unit: fc.constantFrom<Unit[]>("minute", "hour", "day"),
    requests_per_unit: fc.integer({ min: 0, max: 12 }),
  },
  { noNullPrototype: true },
);
/** What is limited of a descriptor: how many of its entries lead there, whether for the first value alone, and the rate. */
const rule = fc.record({ depth: fc.integer({ min: 1, max: 3 }), first: fc.boolean(), rate });
const request: fc.Arbitrary<RequestHeaders> = fc.record(
  { "x-user": fc.constantFrom(...VALUES), "x-tenant": fc.constantFrom(...VALUES) },
  { requiredKeys: [], noNullPrototype: true },
);

const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(limit, { minLength: 1, maxLength: 2 }),
    fc.array(rule, { minLength: 4, maxLength: 8 }),
    fc.array(request, { minLength: REQUESTS, maxLength: REQUESTS }),
  )
  .map(([limits, rules, requests]) => ({ limits, nodes: nodesOf(limits, rules), requests }));

/** The service's tree: each rule is about one of the descriptors that are asked about, and the first one about a node counts. */
function nodesOf(
  limits: readonly AskedLimit[],
  rules: readonly { depth: number; first: boolean; rate: NonNullable<ServiceNode["rate_limit"]> }[],
): ServiceNode[] {
  const roots: ServiceNode[] = [];
  const descriptors = limits.flatMap(({ descriptors: asked }) => asked);
  for (const [at, { depth, first, rate: limited }] of rules.entries()) {
    let siblings = roots;
    const path = descriptors[at % descriptors.length]!;
    for (const [level, entry] of path.entries()) {
      const known = "value" in entry ? entry.value : undefined;
      const value = "header" in entry && first ? VALUES[0] : known;
      let node = siblings.find((one) => one.key === entry.key && one.value === value);
      if (node === undefined) {
        node = { key: entry.key, ...(value === undefined ? {} : { value }) };
        siblings.push(node);
      }
      if (level + 1 === Math.min(depth, path.length)) {
        node.rate_limit ??= limited;
        break;
      }
      siblings = node.descriptors ??= [];
    }
  }
  return roots;
}

export interface Comparison {
  /** Texts of the service's configuration files. */
  configurations: string[];
  /** Sends all requests, with the service at this port of 127.0.0.1, and answers how many had which status. */
  compare: (port: number) => Promise<Record<string, number>>;
}

export function comparison(seed: number, count: number): Comparison {
  const sample = fc.sample(cases, { seed, numRuns: count });
  return {
    configurations: sample.flatMap(({ nodes }, at) =>
      ["ours", "native"].map((which) => serviceConfig(`${which}-${at}`, nodes)),
    ),
    compare: async (port) => {
      // Envoy's filter does nothing where a route answers by itself: what is admitted goes on to a listener that answers.
      const { port: upstream } = await freePort();
      const clusters = [upstreamCluster(CLUSTER, port, true), upstreamCluster("upstream", upstream)];
      const limiting = await LimitingEnvoy.start(1, clusters);
      try {
        limiting.set("upstream", upstream, undefined);
        const ports: [number, number][] = [];
        for (const [at, { limits }] of sample.entries()) {
          const plugin = pluginConfig(`ours-${at}`, limits);
          ports.push([
            await limiting.add(`ours-${at}`, { plugin, filter: "global-rate-limit" }, "forward"),
            await limiting.add(`native-${at}`, { native: nativeFilter(`native-${at}`, limits) }, "forward"),
          ]);
        }
        await limiting.apply(1 + 2 * sample.length);
        const counts: Record<string, number> = { 200: 0, 429: 0, unlimited: 0 };
        for (const [at, one] of sample.entries()) {
          const [our, native] = ports[at]!;
          await roomInMinute();
          await play(one, dial(our), dial(native), counts, JSON.stringify({ seed, at, ...one }));
        }
        return counts;
      } finally {
        await limiting.stop();
      }
    },
  };
}

async function play(
  { requests }: Case,
  ours: Socket,
  natives: Socket,
  counts: Record<string, number>,
  told: string,
): Promise<void> {
  try {
    const minute = minuteNow();
    for (const [at, headers] of requests.entries()) {
      const [our, native] = await Promise.all([ask(ours, headers), ask(natives, headers)]);
      const message = `request ${at} of ${told}`;
      expect({ ...our, reset: undefined }, message).toEqual({ ...native, reset: undefined });
      const apart = Math.abs(Number(our.reset ?? 0) - Number(native.reset ?? 0));
      expect(apart, message).toBeLessThanOrEqual(1);
      expect(our.reset === undefined, message).toBe(native.reset === undefined);
      counts[our.status]!++;
      if (our.limit === undefined) counts.unlimited!++;
    }
    expect(minuteNow(), "the window ended in between").toBe(minute);
  } finally {
    ours.destroy();
    natives.destroy();
  }
}

interface Answer {
  status: number;
  limit: string | undefined;
  remaining: string | undefined;
  reset: string | undefined;
}

async function ask(socket: Socket, headers: RequestHeaders): Promise<Answer> {
  const fields: Header[] = Object.entries(headers);
  const { response } = await send(socket, { method: "GET", path: "/", headers: fields }, 10_000);
  expect([200, 429]).toContain(response.status);
  const value = (name: string): string | undefined =>
    response.headers.find((field) => field[0] === name)?.[1];
  return {
    status: response.status,
    limit: value("x-ratelimit-limit")?.replace(/;name="limit-\d"/g, ""),
    remaining: value("x-ratelimit-remaining"),
    reset: value("x-ratelimit-reset"),
  };
}

/** Windows are the clock's: each of these ends with a minute. Waits until there are ten seconds to its end. */
async function roomInMinute(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 10_000) await sleep(left + 50);
}

function minuteNow(): number {
  return Math.floor(Date.now() / 60_000);
}
