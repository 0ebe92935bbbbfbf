/** What services that CUSTOM policies ask can rely on, and what requests get: the same on the host and on a real Envoy. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import type {
  CallAnswer,
  Cluster,
  Driver,
  Exchange,
  Fault,
  HttpRequest,
  Session,
  UpstreamRequest,
} from "../driver.ts";
import { allowed, APPEND, denied, GrpcAuthorizer, option, type Outcome } from "./ext-authz.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const text = (value: Uint8Array): string => Buffer.from(value).toString("latin1");

/** One of `extensionProviders`. */
interface ProviderSpec {
  name: string;
  [field: string]: unknown;
}

export function custom(makeDriver: () => Driver): void {
  const driver = makeDriver();
  describe(`external authorization on ${driver.name}`, { timeout: 30_000 }, () => {
    let folder = "";
    let opened = 0;
    /** What the names of a session's providers end with: an Envoy counts for all sessions together. */
    const endings = new Map<Session, string>();
    const grpc = new GrpcAuthorizer();
    const second = new GrpcAuthorizer();
    let answerHttp: (request: UpstreamRequest) => CallAnswer | Fault = () => ({ status: 200 });
    const httpAsked: UpstreamRequest[] = [];
    const http: Cluster = {
      http: (request) => {
        httpAsked.push(request);
        return answerHttp(request);
      },
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "outrigger-custom-"));
      await writeFile(join(folder, "custom.wasm"), await compile("test/authz/custom-module/module.ts"));
    }, 120_000);
    afterAll(async () => {
      await driver.close();
      await rm(folder, { recursive: true, force: true });
    });

    const open = async (specs: readonly ProviderSpec[]): Promise<Session> => {
      const ending = `-${++opened}`;
      const providers = specs.map((spec) => ({ ...spec, name: spec.name + ending }));
      const session = await driver.open({
        plugins: [
          {
            module: join(folder, "custom.wasm"),
            name: `custom${ending}`,
            rootId: "custom",
            configuration: JSON.stringify({ extensionProviders: providers }),
          },
        ],
        clusters: {
          "authz-grpc": grpc.cluster,
          "authz-second": second.cluster,
          "authz-http": http,
          "authz-refuse": "refuse",
          "outbound|9000||ext-authz.foo.svc.cluster.local": grpc.cluster,
        },
        reply: () => ({ status: 200, headers: [["x-both", "upstream"]] }),
      });
      endings.set(session, ending);
      return session;
    };
    const overGrpc = (more: object = {}, cluster = "authz-grpc", name = "grpc"): ProviderSpec => ({
      name,
      envoyExtAuthzGrpc: { cluster, ...more },
    });
    const overHttp = (more: object = {}, cluster = "authz-http"): ProviderSpec => ({
      name: "http",
      envoyExtAuthzHttp: { cluster, ...more },
    });
    const get = (session: Session, more: Partial<HttpRequest> = {}): Promise<Exchange> =>
      session.request({ method: "GET", path: "/", ...more });
    const answering = async (outcome: Outcome, more: object = {}): Promise<Session> => {
      grpc.answer = () => outcome;
      return open([overGrpc(more)]);
    };

    /** The values of a header that the upstream got. */
    const got = ({ upstream }: Exchange, name: string): string[] | null =>
      upstream === null
        ? null
        : upstream.headers.filter(([other]) => other === name).map(([, value]) => value);
    const told = ({ response }: Exchange, name: string): string[] =>
      response.headers.filter(([other]) => other === name).map(([, value]) => value);

    /** Counters that have all of these in their names, added up, as of the last tick. */
    const counted = async (session: Session, ...parts: readonly string[]): Promise<number> => {
      await session.advance(1500);
      let sum = 0;
      for (const [name, value] of Object.entries(await session.metrics())) {
        if (!name.includes(`${endings.get(session)};.;`)) continue;
        if (parts.every((part) => name.includes(part))) sum += value;
      }
      return sum;
    };

    describe("over gRPC", () => {
      // CVE-2021-32777 (Envoy): of several values the service saw one. CVE-2023-27488 (Envoy): one that is no UTF-8 made a message that it could not read.
      test("a service is told of a request what Envoy tells it", async () => {
        const session = await answering(allowed());
        const exchange = await get(session, {
          method: "PUT",
          path: "/a?b=c",
          authority: "shop.example:8080",
          headers: [
            ["X-Twice", "1"],
            ["x-twice", "2"],
            ["cookie", "a=1"],
            ["cookie", "b=2"],
            ["x-latin", "caf\xe9"],
            ["x-request-id", "id-1"],
            ["x-envoy-auth-partial-body", "true"],
          ],
        });
        expect(exchange.response.status).toBe(200);
        const { source, destination, request } = grpc.asked.at(-1)!;
        expect(request?.http).toMatchObject({
          id: "id-1",
          method: "PUT",
          path: "/a?b=c",
          host: "shop.example:8080",
          scheme: "http",
          protocol: "HTTP/1.1",
        });
        const { headers } = request!.http!;
        expect(headers).toMatchObject({
          ":method": "PUT",
          ":path": "/a?b=c",
          ":authority": "shop.example:8080",
          "x-twice": "1,2",
          "x-latin": "caf!",
        });
        expect(headers!.cookie).toMatch(/^a=1[,;] ?b=2$/);
        expect(headers).not.toHaveProperty("x-envoy-auth-partial-body");
        expect(Math.abs(Number(request?.time?.seconds) - session.now() / 1000)).toBeLessThan(30);
        expect(source?.address?.socketAddress?.portValue).toBeGreaterThan(0);
        expect(source?.address?.socketAddress?.address).toMatch(/^[\d.]+$/);
        expect(destination?.address?.socketAddress?.portValue).toBeGreaterThan(0);
        expect(source?.principal).toBeUndefined();
        expect(grpc.asked.at(-1)).toMatchObject({ metadataContext: {}, routeMetadataContext: {} });
      });

      test("what it allows goes on, changed as it says", async () => {
        const session = await answering(
          allowed({
            headers: [
              option("X-User", "ann"),
              option("x-role", "b", APPEND),
              option("x-absent", "c", APPEND),
              option("x-replaced", "new"),
              option("x-empty", ""),
            ],
            headersToRemove: ["Authorization", "host", ":path"],
            responseHeadersToAdd: [
              option("x-both", "added"),
              option("x-new", "set", { append: { value: false } }),
              option("x-both", "never", { appendAction: 1 }),
              option("x-first", "absent", { appendAction: 1 }),
              option("x-nothing", "never", { appendAction: 3 }),
            ],
          }),
        );
        const exchange = await get(session, {
          headers: [
            ["x-role", "a"],
            ["x-replaced", "1"],
            ["x-replaced", "2"],
            ["authorization", "Bearer secret"],
          ],
        });
        expect(exchange.response.status).toBe(200);
        expect(got(exchange, "x-user")).toEqual(["ann"]);
        expect(got(exchange, "x-role")).toEqual(["a,b"]);
        expect(got(exchange, "x-absent")).toEqual([]);
        expect(got(exchange, "x-replaced")).toEqual(["new"]);
        expect(got(exchange, "x-empty")).toEqual([""]);
        expect(got(exchange, "authorization")).toEqual([]);
        expect(got(exchange, ":path")).toEqual(["/"]);
        expect(told(exchange, "x-both")).toEqual(["upstream", "added"]);
        expect(told(exchange, "x-new")).toEqual(["set"]);
        expect(told(exchange, "x-first")).toEqual(["absent"]);
        expect(told(exchange, "x-nothing")).toEqual([]);
      });

      test.each<[string, { set?: Record<string, string>; remove?: string[] }, string]>([
        ["/p", { set: { a: "1" } }, "/p?a=1"],
        ["/p?", { set: { a: "1" } }, "/p?a=1"],
        ["/p?a=0&b&a=2&c=", { set: { a: "1" } }, "/p?a=1&b&c="],
        ["/p?a=0&b=1", { remove: ["a"] }, "/p?b=1"],
        ["/p?a=0&a", { remove: ["a"] }, "/p"],
        ["/p?b=1&ab=2", { remove: ["a", "c"], set: { c: "3" } }, "/p?b=1&ab=2"],
        ["/p?a=%41", { set: { b: "%20", "bad name": "1", d: "x&y" } }, "/p?a=%41&b=%20"],
      ])("sets and removes query parameters of %s: %j", async (path, { set = {}, remove = [] }, wanted) => {
        const session = await answering(
          allowed({
            queryParametersToSet: Object.entries(set).map(([key, value]) => ({ key, value })),
            queryParametersToRemove: remove,
          }),
        );
        expect(got(await get(session, { path }), ":path")).toEqual([wanted]);
      });

      test("what it denies gets the answer that it gives", async () => {
        const session = await answering(
          denied({
            status: { code: 401 },
            headers: [
              option("www-authenticate", "Basic"),
              option("set-cookie", "a=1"),
              option("set-cookie", "b=2"),
              option("content-length", "9"),
              option("x-left-out", "1", APPEND),
            ],
            body: "sign in",
          }),
        );
        const exchange = await get(session);
        expect(exchange.upstream).toBe(null);
        expect(exchange.response.status).toBe(401);
        expect(text(exchange.response.body)).toBe("sign in");
        expect(told(exchange, "www-authenticate")).toEqual(["Basic"]);
        expect(told(exchange, "set-cookie")).toEqual(["a=1", "b=2"]);
        expect(told(exchange, "content-length")).toEqual(["7"]);
        expect(told(exchange, "x-left-out")).toEqual([]);
        expect(exchange.details).toBe("custom:denied");
      });

      test.each([0, 99, 600, 4_000_000])("a denial with status %d is a 403", async (code) => {
        const session = await answering(denied({ status: { code } }));
        const exchange = await get(session);
        expect(exchange.response.status).toBe(403);
        expect(text(exchange.response.body)).toBe("");
      });

      test("another status than OK denies, and an empty answer allows, as everywhere", async () => {
        let session = await answering({
          status: { code: 16 },
          okResponse: { headers: [option("x-user", "a")] },
        });
        expect((await get(session)).response.status).toBe(403);
        session = await answering(new Uint8Array());
        expect((await get(session)).response.status).toBe(200);
      });

      test.each<[string, Outcome]>([
        ["another gRPC status", (exchange) => exchange.end(13)],
        ["a gRPC status of 0 without a message", (exchange) => exchange.end(0)],
        ["a broken message", Uint8Array.of(0x0a, 0xff)],
        // `ok_response` with a header whose name should have five bytes.
        ["a broken header", Uint8Array.of(0x1a, 6, 0x12, 4, 0x0a, 2, 0x0a, 5)],
        ["a broken connection", (exchange) => exchange.reset()],
        ["no answer", () => undefined],
        ["too many headers", allowed({ headers: Array.from({ length: 300 }, () => option("x-a", "1")) })],
      ])("%s is a failure: 403 unless it fails open", async (what, outcome) => {
        grpc.answer = () => outcome;
        const session = await open([overGrpc({ timeout: "200ms" })]);
        const asked = async (one: Session): Promise<Exchange> => {
          const played = get(one);
          if (what === "no answer") await one.advance(400);
          return played;
        };
        const exchange = await asked(session);
        expect(exchange.response.status).toBe(403);
        expect(exchange.details).toBe("authz:custom-error");
        expect(exchange.upstream).toBe(null);
        expect(await counted(session, "authz_custom_failures")).toBe(1);
        expect(
          (await asked(await open([overGrpc({ timeout: "200ms", statusOnError: "503" })]))).response.status,
        ).toBe(503);
        const open_ = await asked(await open([overGrpc({ timeout: "200ms", failOpen: true })]));
        expect(open_.response.status).toBe(200);
        expect(got(open_, "x-a")).toEqual([]);
        expect(got(open_, "x-envoy-auth-failure-mode-allowed")).toEqual([]);
      });

      test.each(["authz-refuse", "authz-nowhere"])("cluster %s fails", async (cluster) => {
        const session = await open([overGrpc({}, cluster)]);
        expect((await get(session)).details).toBe("authz:custom-error");
        expect(await counted(session, "outcome=.=error")).toBe(1);
        expect((await get(await open([overGrpc({ failOpen: true }, cluster)]))).response.status).toBe(200);
      });

      test("a service can say what is told of its failure", async () => {
        const outcome = {
          status: { code: 14 },
          errorResponse: { status: { code: 502 }, headers: [option("retry-after", "1")], body: "later" },
        };
        const session = await answering(outcome, { statusOnError: 500 });
        const exchange = await get(session);
        expect(exchange.response.status).toBe(502);
        expect(text(exchange.response.body)).toBe("later");
        expect(told(exchange, "retry-after")).toEqual(["1"]);
        expect(exchange.details).toBe("authz:custom-error");
        expect((await get(await answering(outcome, { failOpen: true }))).response.status).toBe(200);
        expect(
          (await get(await answering({ ...outcome, errorResponse: {} }, { statusOnError: 500 }))).response
            .status,
        ).toBe(500);
      });

      test("what would break a message is left out, and counted", async () => {
        const session = await answering(
          allowed({
            headers: [
              option("x-a", "1\r\nx-b: 2"),
              option("x c", "1"),
              option("", "1"),
              option("content-length", "1000"),
              option("transfer-encoding", "chunked"),
              option(":path", "no-slash"),
              option(":status", "200"),
              option(":method", "CONNECT"),
              option("x-fine", "1"),
            ],
            responseHeadersToAdd: [option("x-d", "\0"), option("x-e", "1", { appendAction: 9 })],
          }),
        );
        const exchange = await get(session);
        expect(exchange.response.status).toBe(200);
        expect(got(exchange, "x-fine")).toEqual(["1"]);
        for (const name of ["x-a", "x-b", "x c"]) expect(got(exchange, name)).toEqual([]);
        expect(await counted(session, "dropped_changes")).toBe(10);
      });

      test("it may change the request's target and its host", async () => {
        const session = await answering(
          allowed({ headers: [option(":path", "/other?x=1"), option("host", "other.example")] }),
        );
        const exchange = await get(session);
        expect(got(exchange, ":path")).toEqual(["/other?x=1"]);
        expect(got(exchange, ":authority")).toEqual(["other.example"]);
      });

      test("the cluster is the one that Istio has for the service", async () => {
        grpc.answer = () => allowed();
        const before = grpc.asked.length;
        const session = await open([
          {
            name: "istio",
            envoyExtAuthzGrpc: { service: "foo/ext-authz.foo.svc.cluster.local", port: 9000 },
          },
        ]);
        expect((await get(session)).response.status).toBe(200);
        expect(grpc.asked.length).toBe(before + 1);
      });
    });

    describe("over HTTP", () => {
      test("a service gets method, path, host and credentials, and what is listed", async () => {
        answerHttp = () => ({ status: 200 });
        const session = await open([
          overHttp({
            pathPrefix: "/check",
            includeRequestHeadersInCheck: ["x-exact", "x-pre*", "*-suffix"],
            includeHeadersInCheck: ["x-older"],
            includeAdditionalHeadersInCheck: { "X-Added": "yes", "x-prefixed-too": "ours" },
          }),
        ]);
        await session.request({
          method: "POST",
          path: "/a?b=c",
          authority: "shop.example:8080",
          body: bytes("body"),
          headers: [
            ["x-exact", "1"],
            ["x-exact", "2"],
            ["x-prefix", "3"],
            ["x-prefixed-too", "theirs"],
            ["any-suffix", "4"],
            ["x-older", "5"],
            ["x-other", "6"],
            ["authorization", "Bearer t"],
          ],
        });
        const { headers, body } = httpAsked.at(-1)!;
        const values = (name: string): string[] =>
          headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
        expect(values(":method")).toEqual(["POST"]);
        expect(values(":path")).toEqual(["/check/a?b=c"]);
        expect(values(":authority")).toEqual(["shop.example:8080"]);
        expect(values("content-length")).toEqual(["0"]);
        expect(values("authorization")).toEqual(["Bearer t"]);
        expect(values("x-exact")).toEqual(["1,2"]);
        expect(values("x-prefix")).toEqual(["3"]);
        expect(values("x-prefixed-too")).toEqual(["ours"]);
        expect(values("any-suffix")).toEqual(["4"]);
        expect(values("x-added")).toEqual(["yes"]);
        expect(values("x-older")).toEqual([]);
        expect(values("x-other")).toEqual([]);
        expect(text(body)).toBe("");
      });

      test("the older list of headers counts where the newer one is missing", async () => {
        const session = await open([overHttp({ includeHeadersInCheck: ["x-older"] })]);
        await get(session, { headers: [["x-older", "5"]] });
        expect(httpAsked.at(-1)!.headers).toContainEqual(["x-older", "5"]);
      });

      test("200 allows, and hands on what is listed", async () => {
        answerHttp = () => ({
          status: 200,
          headers: [
            ["x-user", "ann"],
            ["x-token", "t"],
            ["x-other", "1"],
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
            ["x-envoy-auth-headers-to-remove", "authorization, X-Secret ,,"],
          ],
        });
        const session = await open([
          overHttp({
            headersToUpstreamOnAllow: ["X-User", "*-token"],
            headersToDownstreamOnAllow: ["set-*"],
          }),
        ]);
        const exchange = await get(session, {
          headers: [
            ["x-user", "forged"],
            ["x-secret", "1"],
            ["authorization", "Bearer t"],
          ],
        });
        expect(exchange.response.status).toBe(200);
        expect(got(exchange, "x-user")).toEqual(["ann"]);
        expect(got(exchange, "x-token")).toEqual(["t"]);
        for (const name of ["x-other", "x-secret", "authorization"]) expect(got(exchange, name)).toEqual([]);
        expect(told(exchange, "set-cookie")).toEqual(["a=1", "b=2"]);
      });

      test.each([201, 204, 302, 403, 404, 499])(
        "%d denies, with the service's own answer",
        async (status) => {
          answerHttp = () => ({
            status,
            headers: [
              ["location", "/login"],
              ["set-cookie", "a=1"],
              ["set-cookie", "b=2"],
              ["x-why", "no"],
            ],
            ...(status === 204 ? {} : { body: bytes("denied") }),
          });
          const exchange = await get(await open([overHttp()]));
          expect(exchange.upstream).toBe(null);
          expect(exchange.response.status).toBe(status);
          expect(text(exchange.response.body)).toBe(status === 204 ? "" : "denied");
          expect(told(exchange, "location")).toEqual(["/login"]);
          expect(told(exchange, "set-cookie")).toEqual(["a=1", "b=2"]);
          expect(told(exchange, "x-why")).toEqual(["no"]);
          const some = await get(await open([overHttp({ headersToDownstreamOnDeny: ["x-not-there"] })]));
          expect(told(some, "location")).toEqual(["/login"]);
          expect(told(some, "set-cookie")).toEqual([]);
        },
      );

      test.each<[string, CallAnswer | Fault]>([
        ["500", { status: 500 }],
        ["503", { status: 503 }],
        ["599", { status: 599 }],
        ["a broken connection", "reset"],
        ["what is no HTTP", "garbage"],
        ["no answer", "silence"],
      ])("%s is a failure", async (_, answer) => {
        answerHttp = () => answer;
        const session = await open([overHttp({ timeout: "200ms", statusOnError: 429 })]);
        const played = get(session);
        if (answer === "silence") await session.advance(400);
        const exchange = await played;
        expect(exchange.response.status).toBe(429);
        expect(exchange.details).toBe("authz:custom-error");
        const second = await open([overHttp({ timeout: "200ms", failOpen: true })]);
        const other = get(second);
        if (answer === "silence") await second.advance(400);
        expect((await other).response.status).toBe(200);
      });
    });

    describe("several providers", () => {
      test("are asked one after another, each about the request as the ones before left it", async () => {
        grpc.answer = () =>
          allowed({ headers: [option("x-user", "ann")], responseHeadersToAdd: [option("x-one", "1")] });
        second.answer = () => allowed({ responseHeadersToAdd: [option("x-two", "2")] });
        const session = await open([
          overGrpc(),
          overGrpc({}, "authz-second", "second"),
          overGrpc({}, "authz-grpc", "third"),
        ]);
        const exchange = await get(session);
        expect(second.asked.at(-1)?.request?.http?.headers).toMatchObject({ "x-user": "ann" });
        expect(told(exchange, "x-one")).toEqual(["1", "1"]);
        expect(told(exchange, "x-two")).toEqual(["2"]);
      });

      test("the first one that denies is the last one that is asked", async () => {
        grpc.answer = () => denied({ body: "first" });
        const before = second.asked.length;
        const session = await open([overGrpc(), overGrpc({}, "authz-second", "second")]);
        expect(text((await get(session)).response.body)).toBe("first");
        expect(second.asked.length).toBe(before);
      });
    });

    test("changes of a response for which there is no room are lost, and those before stay", async () => {
      grpc.answer = () => allowed({ responseHeadersToAdd: [option("x-one", "1")] });
      second.answer = () => allowed({ responseHeadersToAdd: [option("x-two", "2".repeat(40_000))] });
      const session = await open([overGrpc(), overGrpc({}, "authz-second", "second")]);
      const exchange = await get(session);
      expect(told(exchange, "x-one")).toEqual(["1"]);
      expect(told(exchange, "x-two")).toEqual([]);
      expect(told(await get(session), "x-one")).toEqual(["1"]);
    });

    describe("decisions that are remembered", () => {
      const cached = (cache: object): ProviderSpec[] => [{ ...overGrpc({}), cache }];

      test("hold for requests with the same key, with all that they change, until their time is up", async () => {
        const session = await open(cached({ by: [{ header: "x-key" }, { path: {} }], ttl: "1s" }));
        let answers = 0;
        grpc.answer = () =>
          allowed({
            headers: [option("x-user", `u${++answers}`)],
            responseHeadersToAdd: [option("x-set", "1")],
            queryParametersToSet: [{ key: "q", value: "1" }],
          });
        const ask = (key: string, path = "/"): Promise<Exchange> =>
          get(session, { path, headers: [["x-key", key]] });
        expect(got(await ask("a"), "x-user")).toEqual(["u1"]);
        const again = await ask("a");
        expect(got(again, "x-user")).toEqual(["u1"]);
        expect(got(again, ":path")).toEqual(["/?q=1"]);
        expect(told(again, "x-set")).toEqual(["1"]);
        expect(got(await ask("b"), "x-user")).toEqual(["u2"]);
        expect(got(await ask("a", "/other"), "x-user")).toEqual(["u3"]);
        await session.advance(1200);
        expect(got(await ask("a"), "x-user")).toEqual(["u4"]);
        expect(await counted(session, "cache_hits")).toBe(1);
        expect(await counted(session, "cache_misses")).toBe(4);
      });

      test("are those that deny as well, but no failures, and none of requests without the key", async () => {
        const session = await open(cached({ by: [{ header: "x-key" }] }));
        const before = grpc.asked.length;
        const ask = async (key?: string): Promise<number> =>
          (await get(session, { headers: key === undefined ? [] : [["x-key", key]] })).response.status;
        grpc.answer = () => denied({ status: { code: 401 } });
        expect([await ask("a"), await ask("a")]).toEqual([401, 401]);
        expect(grpc.asked.length).toBe(before + 1);
        grpc.answer = () => (exchange) => exchange.end(14);
        expect(await ask("b")).toBe(403);
        grpc.answer = () => allowed();
        expect(await ask("b")).toBe(200);
        expect([await ask(), await ask()]).toEqual([200, 200]);
        expect(grpc.asked.length).toBe(before + 5);
      });

      test.each<[string, object, Partial<HttpRequest>, Partial<HttpRequest>]>([
        ["parameter", { queryParam: "t" }, { path: "/?t=a&t=b" }, { path: "/?t=a" }],
        ["escaped parameter", { queryParam: "t" }, { path: "/?t=a&%74=b" }, { path: "/?t=a" }],
        ["cookie", { cookie: "t" }, { headers: [["cookie", "t=a; t=b"]] }, { headers: [["cookie", "t=a"]] }],
        [
          "baggage member",
          { baggage: "t" },
          { headers: [["baggage", "t=a,t=b"]] },
          { headers: [["baggage", "t=a"]] },
        ],
        [
          "header",
          { header: "x-t" },
          {
            headers: [
              ["x-t", "a"],
              ["x-t", "b"],
            ],
          },
          { headers: [["x-t", "a"]] },
        ],
      ])(
        "are none of a request with a second %s, by which a service may decide",
        async (_what, part, two, one) => {
          const session = await open(cached({ by: [part] }));
          grpc.answer = () => allowed();
          expect((await get(session, two)).response.status).toBe(200);
          grpc.answer = () => denied();
          expect((await get(session, one)).response.status).toBe(403);
          grpc.answer = () => allowed();
          expect((await get(session, one)).response.status).toBe(403);
          expect((await get(session, two)).response.status).toBe(200);
        },
      );

      test("are none of a parameter with a plus, which services read as one or as a space", async () => {
        const session = await open(cached({ by: [{ queryParam: "t" }] }));
        grpc.answer = () => allowed();
        expect((await get(session, { path: "/?t=a+b" })).response.status).toBe(200);
        grpc.answer = () => denied();
        expect((await get(session, { path: "/?t=a%2Bb" })).response.status).toBe(403);
      });
    });
  });
}
