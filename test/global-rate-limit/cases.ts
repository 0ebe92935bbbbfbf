/** What the filter makes of a service's answers, and of none: the same on the host and on a real Envoy. */
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { responseOf, Code } from "../../cli/ratelimit-service/messages.ts";
import type { Driver, Exchange, Header, HttpRequest, Session } from "../driver.ts";
import { allowed, denied, header, ScriptedService, status, type Outcome } from "./service.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const text = (value: Uint8Array): string => Buffer.from(value).toString("latin1");

const KEYED = [{ key: "api_key", from: { header: "x-user" } }];
const BY_USER = { name: "by-user", descriptor: KEYED };

const PROPERTIES = ["outrigger.global-rate-limit", "outrigger.global-rate-limit.metadata"];

export function globalRateLimit(makeDriver: () => Driver): void {
  const driver = makeDriver();
  describe(`global-rate-limit on ${driver.name}`, { timeout: 30_000 }, () => {
    let number = 0;
    let session: Session | null = null;
    let service = new ScriptedService();

    afterEach(async () => {
      await session?.close();
      session = null;
    });
    afterAll(() => driver.close());

    /** Opens a proxy whose service answers so. `ratelimit` in the configuration's cluster is replaced by the cluster's own name. */
    const open = async (
      config: object,
      answer: (request: ScriptedService["asked"][number]) => Outcome = () => allowed(),
    ): Promise<Session> => {
      const cluster = `ratelimit-${driver.name}-${++number}`;
      service = new ScriptedService(answer);
      const configuration = JSON.stringify({
        domain: "test",
        service: { cluster, timeout: "500ms" },
        limits: [BY_USER],
        ...config,
      }).replaceAll('"ratelimit"', JSON.stringify(cluster));
      session = await driver.open({
        plugins: [
          {
            module: "build/global-rate-limit.wasm",
            name: `global-${driver.name}-${number}`,
            rootId: "global-rate-limit",
            configuration,
          },
        ],
        properties: PROPERTIES,
        metrics: true,
        clusters: { [cluster]: service.cluster },
        reply: () => ({ headers: [["x-upstream", "yes"]] }),
      });
      return session;
    };

    const ask = async (headers: Header[] = [["x-user", "ann"]], more: Partial<HttpRequest> = {}) =>
      session!.request({ method: "GET", path: "/", headers, ...more });

    /** Asks, and lets time pass until there is an answer. */
    const askFor = async (milliseconds: number): Promise<Exchange> => {
      const exchange = ask();
      await session!.advance(milliseconds);
      return exchange;
    };

    const valueOf = ({ response }: Exchange, name: string): string | undefined =>
      response.headers.find(([other]) => other === name)?.[1];
    const namesOf = ({ response }: Exchange): string[] => response.headers.map(([name]) => name);

    const counted = async (name: string): Promise<number> => {
      const metrics = await session!.metrics();
      return Object.entries(metrics)
        .filter(([metric]) => metric.includes(name))
        .reduce((sum, [, value]) => sum + value, 0);
    };

    test("asks with domain, descriptors and hits, and lets a request go on that is within its limits", async () => {
      await open(
        {
          limits: [
            {
              name: "a",
              descriptors: [
                [
                  { key: "generic_key", value: "all" },
                  { key: "path", from: { path: {} } },
                ],
                KEYED,
              ],
              hits: 3,
              limit: { requests: 7, per: "hour" },
            },
          ],
        },
        () => allowed({ statuses: [status(false), status(false)] }),
      );
      const exchange = await ask();
      expect(exchange.response.status).toBe(200);
      expect(exchange.upstream).not.toBe(null);
      expect(service.asked).toEqual([
        {
          domain: "test",
          hitsAddend: 3,
          descriptors: [
            {
              entries: [
                { key: "generic_key", value: "all" },
                { key: "path", value: "/" },
              ],
              limit: { requestsPerUnit: 7, unit: 3 },
              hitsAddend: null,
            },
            {
              entries: [{ key: "api_key", value: "ann" }],
              limit: { requestsPerUnit: 7, unit: 3 },
              hitsAddend: null,
            },
          ],
        },
      ]);
    });

    test("refuses a request that is over a limit, and tells of it", async () => {
      await open({ response: { status: 420, body: "slow down", headers: { "x-why": "quota" } } }, () =>
        denied(),
      );
      const exchange = await ask();
      expect(exchange.upstream).toBe(null);
      expect(exchange.response.status).toBe(420);
      expect(text(exchange.response.body)).toBe("slow down");
      expect(exchange.details).toBe("global-rate-limit:by-user");
      expect(exchange.properties["outrigger.global-rate-limit"]).toBe("global-rate-limit:by-user");
      expect(valueOf(exchange, "x-why")).toBe("quota");
      expect(valueOf(exchange, "retry-after")).toBe("30");
      expect(valueOf(exchange, "x-ratelimit-limit")).toBe('100, 100;w=60;name="by-user"');
      expect(valueOf(exchange, "x-ratelimit-remaining")).toBe("0");
      expect(valueOf(exchange, "x-ratelimit-reset")).toBe("30");
    });

    test("tells in the response what the service says of the limit", async () => {
      await open({});
      const exchange = await ask();
      expect(valueOf(exchange, "x-upstream")).toBe("yes");
      expect(valueOf(exchange, "x-ratelimit-remaining")).toBe("42");
      expect(valueOf(exchange, "x-ratelimit-reset")).toBe("30");
      expect(namesOf(exchange)).not.toContain("retry-after");
    });

    test("tells nothing of limits where it is not to", async () => {
      await open({ responseHeaders: "off" });
      const exchange = await ask();
      expect(exchange.response.status).toBe(200);
      expect(namesOf(exchange).filter((name) => name.includes("ratelimit"))).toEqual([]);
    });

    test("asks about all limits that match in one call, with hits of their own", async () => {
      const limits = [
        { ...BY_USER, hits: 2 },
        { name: "post", match: { methods: ["POST"] }, descriptor: [{ key: "post", value: "1" }] },
        { name: "all", descriptor: [{ key: "all", value: "1" }] },
      ];
      await open({ limits }, ({ descriptors }) =>
        denied({ statuses: descriptors.map((_, at) => status(at === 1)) }),
      );
      expect((await ask()).details).toBe("global-rate-limit:all");
      expect(service.asked).toHaveLength(1);
      const [request] = service.asked;
      expect(request?.hitsAddend).toBe(2);
      expect(request?.descriptors.map(({ entries, hitsAddend }) => [entries[0]?.key, hitsAddend])).toEqual([
        ["api_key", null],
        ["all", 1n],
      ]);
    });

    test("does not ask about a request without a value, unless its entry may be missing", async () => {
      const optional = { key: "tenant", from: { header: "x-tenant" }, skipIfMissing: true };
      await open({
        limits: [
          BY_USER,
          { name: "tenants", descriptor: [{ key: "all", value: "1" }, optional] },
          { name: "none", descriptor: [optional] },
        ],
      });
      await ask([]);
      expect(service.asked.map(({ descriptors }) => descriptors.map(({ entries }) => entries))).toEqual([
        [[{ key: "all", value: "1" }]],
      ]);
      service.asked.length = 0;
      await session!.close();
      await open({});
      expect((await ask([])).response.status).toBe(200);
      expect(service.asked).toEqual([]);
    });

    test("hashes credentials, and what is no text", async () => {
      const descriptor = [
        { key: "secret", from: { header: "x-api-key" } },
        { key: "plain", from: { header: "x-api-key" }, hash: false },
        { key: "wanted", from: { header: "x-user" }, hash: true },
        { key: "text", from: { header: "x-text" } },
      ];
      await open({ limits: [{ name: "keys", descriptor }] });
      await ask([
        ["x-api-key", "abc"],
        ["x-user", "abc"],
        ["x-text", "\xff"],
      ]);
      // printf %s abc | sha256sum; printf '\xff' | sha256sum
      const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
      const ff = "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89";
      expect(service.asked[0]?.descriptors[0]?.entries.map(({ value }) => value)).toEqual([
        abc,
        "abc",
        abc,
        ff,
      ]);
    });

    test("adds the service's headers, and leaves out those that are not its to set", async () => {
      const added = [
        header("x-added", "1"),
        header("x-added", "2"),
        header("Content-Length", "7"),
        header(":path", "/other"),
        header("x-broken", "a\r\nb: c"),
        header("", "empty"),
        header("transfer-encoding", "chunked"),
      ];
      await open({}, () => allowed({ requestHeadersToAdd: added, responseHeadersToAdd: added }));
      const exchange = await ask();
      expect(exchange.upstream?.headers.filter(([name]) => name.startsWith("x-added"))).toEqual([
        ["x-added", "1"],
        ["x-added", "2"],
      ]);
      expect(exchange.upstream?.headers).toContainEqual([":path", "/"]);
      expect(exchange.response.headers.filter(([name]) => name === "x-added")).toEqual([
        ["x-added", "1"],
        ["x-added", "2"],
      ]);
      expect(namesOf(exchange)).not.toContain("x-broken");
      await session!.advance(1100);
      expect(await counted("dropped_headers")).toBe(10);
    });

    test("gives a refused request the service's body and headers", async () => {
      await open({}, () =>
        denied({ rawBody: bytes("from the service"), responseHeadersToAdd: [header("x-added", "1")] }),
      );
      const exchange = await ask();
      expect(exchange.response.status).toBe(429);
      expect(text(exchange.response.body)).toBe("from the service");
      expect(valueOf(exchange, "x-added")).toBe("1");
    });

    test("puts the service's metadata into a property", async () => {
      // Struct{fields: {"tier": "gold"}}
      const struct = Buffer.concat([
        Buffer.from([0x0a, 0x0e, 0x0a, 4]),
        Buffer.from("tier"),
        Buffer.from([0x12, 6, 0x1a, 4]),
        Buffer.from("gold"),
      ]);
      await open({}, () => allowed({ dynamicMetadata: struct }));
      const { properties } = await ask();
      expect(properties["outrigger.global-rate-limit.metadata"]).toBe('{"tier":"gold"}');
    });

    test("goes by the overall code where there are no statuses, or where they say something else", async () => {
      await open({}, () => responseOf(Code.OverLimit));
      expect((await ask()).details).toBe("global-rate-limit:by-user");
      service.answer = () => responseOf(Code.Ok);
      expect((await ask()).response.status).toBe(200);
      service.answer = () => allowed({ statuses: [status(true)] });
      expect((await ask()).response.status).toBe(200);
      service.answer = () => denied({ statuses: [status(false)] });
      expect((await ask()).response.status).toBe(429);
    });

    test("counts and tells a shadowed decision, and changes nothing", async () => {
      await open({ limits: [{ ...BY_USER, mode: "shadow" }] }, () =>
        denied({ responseHeadersToAdd: [header("x-added", "1")] }),
      );
      const exchange = await ask();
      expect(exchange.response.status).toBe(200);
      expect(exchange.properties["outrigger.global-rate-limit"]).toBe("global-rate-limit:by-user");
      expect(namesOf(exchange)).not.toContain("x-added");
      expect(namesOf(exchange)).not.toContain("x-ratelimit-limit");
      await session!.advance(1100);
      expect(await counted("decision=.=refused;.;mode=.=shadow")).toBe(1);
    });

    test("says of every request that it was allowed where it is to", async () => {
      await open({ annotate: "always" });
      for (const headers of [[["x-user", "ann"]], []] as Header[][]) {
        const { properties } = await ask(headers);
        expect(properties["outrigger.global-rate-limit"]).toBe("global-rate-limit:allowed");
      }
    });

    /** What can come instead of an answer. */
    const FAILURES: [string, Outcome][] = [
      ["a gRPC status", (exchange) => exchange.end(13, "no")],
      ["a broken connection", (exchange) => exchange.reset()],
      ["a broken message", bytes("\x0a\xff\xff")],
      ["no code", responseOf(Code.Unknown)],
      ["too few statuses", allowed({ statuses: [status(false), status(false)] })],
      ["an empty message", new Uint8Array()],
    ];
    test.each(FAILURES)("lets requests go on, or refuses them, after %s", async (_, outcome) => {
      await open({}, () => outcome);
      expect((await ask()).response.status).toBe(200);
      await session!.close();
      await open({ failureMode: "deny" }, () => outcome);
      const exchange = await ask();
      expect(exchange.response.status).toBe(500);
      expect(exchange.upstream).toBe(null);
      expect(exchange.details).toBe("global-rate-limit:error");
      await session!.advance(1100);
      expect(await counted("rate_limit_failures")).toBeGreaterThan(0);
    });

    test("waits for an answer no longer than its timeout", async () => {
      const timeout = { cluster: "ratelimit", timeout: "30ms" };
      await open({ service: timeout, failureMode: "deny", statusOnError: 503 }, () => () => {});
      expect((await askFor(300)).response.status).toBe(503);
      service.answer = () => (exchange) =>
        exchange.after(200, () => {
          exchange.send(new Uint8Array([8, 1]));
          exchange.end(0);
        });
      expect((await askFor(300)).response.status).toBe(503);
      service.answer = () => allowed();
      expect((await ask()).response.status).toBe(200);
    });

    test("forgets a request whose client has gone", async () => {
      await open(
        { failureMode: "deny" },
        () => (exchange) =>
          exchange.after(150, () => {
            exchange.send(new Uint8Array([8, 1]));
            exchange.end(0);
          }),
      );
      const gone = ask(undefined, { abortAfter: 50 });
      await session!.advance(300);
      expect((await gone).response.status).toBe(0);
      service.answer = () => allowed();
      expect((await ask()).response.status).toBe(200);
    });

    test("lets its own buckets decide while the service fails, if told so", async () => {
      const local = { requests: 2, per: "hour" };
      await open(
        { failureMode: "local", limits: [{ ...BY_USER, local }] },
        () => (exchange) => exchange.end(14),
      );
      const statuses: number[] = [];
      for (const user of ["ann", "ann", "ann", "bob"]) {
        statuses.push((await ask([["x-user", user]])).response.status);
      }
      expect(statuses).toEqual([200, 200, 429, 200]);
      service.answer = () => allowed();
    });

    test("goes by its failure mode, with a warning and a metric, where there is no such cluster", async () => {
      await open({ service: { cluster: "nowhere" }, failureMode: "deny" });
      for (let at = 0; at < 3; at++) expect((await ask()).details).toBe("global-rate-limit:error");
      await session!.advance(1100);
      const lines = (await session!.logs()).filter(({ level }) => level === "warn");
      expect(lines.filter(({ text }) => text.includes("no cluster nowhere"))).toHaveLength(1);
      expect(await counted("kind=.=no_cluster")).toBe(3);
    });

    test("does not ask a service that fails again and again, and asks it again after a while", async () => {
      const breaker = { consecutiveFailures: 2, baseInterval: "200ms", maxInterval: "10s" };
      await open({ breaker }, () => (exchange) => exchange.end(14));
      for (let at = 0; at < 5; at++) expect((await ask()).response.status).toBe(200);
      expect(service.asked).toHaveLength(2);
      await session!.advance(300);
      for (let at = 0; at < 3; at++) await ask();
      expect(service.asked).toHaveLength(3);
      service.answer = () => denied();
      // After the attempt that failed it is twice as long.
      await session!.advance(250);
      expect((await ask()).response.status).toBe(200);
      await session!.advance(300);
      for (let at = 0; at < 2; at++) expect((await ask()).response.status).toBe(429);
      expect(service.asked).toHaveLength(5);
      const lines = (await session!.logs()).filter(({ level }) => level === "warn").map(({ text }) => text);
      expect(lines.filter((line) => line.includes("is not asked for a while"))).toHaveLength(1);
      expect(lines.filter((line) => line.includes("answers again"))).toHaveLength(1);
    });

    test("remembers that a descriptor is over its limit, if told so", async () => {
      const over = () =>
        denied({ statuses: [status(true, { durationUntilReset: { seconds: 3, nanos: 0 } })] });
      await open({ limits: [{ ...BY_USER, cacheDenials: true }] }, over);
      for (let at = 0; at < 4; at++) {
        const exchange = await ask();
        expect(exchange.response.status).toBe(429);
        expect(valueOf(exchange, "x-ratelimit-remaining")).toBe("0");
      }
      expect(service.asked).toHaveLength(1);
      service.answer = () => allowed();
      expect((await ask([["x-user", "bob"]])).response.status).toBe(200);
      // A second before the service says.
      await session!.advance(2100);
      expect((await ask()).response.status).toBe(200);
      expect(service.asked).toHaveLength(3);
    });
  });
}
