/** Header and trailer maps: the same operations on all four, then what only one has. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Header } from "../../driver.ts";
import {
  bytes,
  named,
  own,
  pairsIn,
  text,
  type Outcome,
  type Play,
  type Player,
  type Stage,
} from "../player.ts";

interface Side {
  name: string;
  /** The callback in which the map can be changed. */
  callback: string;
  map: string;
  give: (pairs: readonly Header[]) => Play;
  take: (outcome: Outcome) => readonly Header[];
}

const SIDES: readonly Side[] = [
  {
    name: "request headers",
    callback: "request-headers",
    map: "request",
    give: (headers) => ({ headers }),
    take: ({ upstream }) => upstream?.headers ?? [],
  },
  {
    name: "request trailers",
    callback: "request-trailers",
    map: "request-trailers",
    give: (trailers) => ({ method: "POST", body: bytes("b"), trailers }),
    take: ({ upstream }) => upstream?.trailers ?? [],
  },
  {
    name: "response headers",
    callback: "response-headers",
    map: "response",
    give: (headers) => ({ reply: { headers } }),
    take: ({ response }) => response.headers,
  },
  {
    name: "response trailers",
    callback: "response-trailers",
    map: "response-trailers",
    give: (trailers) => ({ reply: { body: bytes("b"), trailers } }),
    take: ({ response }) => response.trailers,
  },
];

const THREE: readonly Header[] = [
  ["x-a", "1"],
  ["x-b", "2"],
  ["x-a", "3"],
];

export function headers(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open();
  });

  describe.each(SIDES)("$name", ({ callback, map, give, take }) => {
    const perform = (operations: readonly string[], given: readonly Header[] = THREE): Promise<Outcome> =>
      stage.play(
        operations.map((operation) => `${callback} ${operation.replace("MAP", map)}`),
        give(given),
      );

    it.each<[what: string, operation: string, result: string]>([
      ["gives the first of several values", "get MAP x-a", "1"],
      ["gives the only value", "get MAP x-b", "2"],
      ["has nothing under another name", "get MAP x-c", "NotFound"],
      ["takes a name in any case", "get MAP X-A", "1"],
      ["takes no prefix of a name", "get MAP x-", "NotFound"],
      ["takes no empty name", 'get MAP ""', "NotFound"],
      ["gives a text", "text-get MAP x-a", "1"],
      ["gives the empty text where there is none", "text-get MAP x-c", ""],
      ["gives all values as texts", "text-get-all MAP x-a", "1|3"],
    ])("%s", async (_what, operation, result) => {
      expect((await perform([operation])).results).toEqual([result]);
    });

    it("lists all pairs in their order, duplicates included", async () => {
      const { results } = await perform(["pairs MAP"]);
      expect(own(pairsIn(results[0]))).toEqual(THREE);
    });

    it("lists names in lower case", async () => {
      const { results } = await perform(["pairs MAP"], [["X-A", "Value"]]);
      expect(own(pairsIn(results[0]))).toEqual([["x-a", "Value"]]);
    });

    it("keeps empty values apart from absent ones", async () => {
      const { results } = await perform(["get MAP x-a", "get MAP x-b"], [["x-a", ""]]);
      expect(results).toEqual(["", "NotFound"]);
    });

    it("carries any byte from 0x80 on", async () => {
      const outcome = await perform(["get MAP x-a", "add MAP x-b %80%FE"], [["x-a", "\x80é\xff"]]);
      expect(outcome.results).toEqual(["%80%E9%FF", "Ok"]);
      expect(own(take(outcome))).toEqual([
        ["x-a", "\x80é\xff"],
        ["x-b", "\x80\xfe"],
      ]);
    });

    it.each<[what: string, operation: string, after: readonly Header[]]>([
      ["adds a header behind the others", "add MAP x-c 4", [...THREE, ["x-c", "4"]]],
      ["adds a further value behind the others", "add MAP x-a 4", [...THREE, ["x-a", "4"]]],
      ["adds an empty value", 'add MAP x-c ""', [...THREE, ["x-c", ""]]],
      ["adds under a name in lower case", "add MAP X-C 4", [...THREE, ["x-c", "4"]]],
      ["replaces an absent header", "replace MAP x-c 4", [...THREE, ["x-c", "4"]]],
      [
        "replaces one value, which moves behind the others",
        "replace MAP x-b 4",
        [
          ["x-a", "1"],
          ["x-a", "3"],
          ["x-b", "4"],
        ],
      ],
      [
        "replaces several values by one",
        "replace MAP x-a 4",
        [
          ["x-b", "2"],
          ["x-a", "4"],
        ],
      ],
      [
        "replaces under a name in any case",
        "replace MAP X-A 4",
        [
          ["x-b", "2"],
          ["x-a", "4"],
        ],
      ],
      [
        "replaces by the empty value",
        'replace MAP x-a ""',
        [
          ["x-b", "2"],
          ["x-a", ""],
        ],
      ],
      ["removes an absent header", "remove MAP x-c", THREE],
      [
        "removes one value",
        "remove MAP x-b",
        [
          ["x-a", "1"],
          ["x-a", "3"],
        ],
      ],
      ["removes several values", "remove MAP x-a", [["x-b", "2"]]],
      ["removes under a name in any case", "remove MAP X-A", [["x-b", "2"]]],
      ["adds a text", "text-add MAP x-c ü", [...THREE, ["x-c", "\xc3\xbc"]]],
      [
        "replaces by a text",
        "text-replace MAP x-a ü",
        [
          ["x-b", "2"],
          ["x-a", "\xc3\xbc"],
        ],
      ],
      ["removes by a text", "text-remove MAP x-a", [["x-b", "2"]]],
    ])("%s", async (_what, operation, after) => {
      const outcome = await perform([Buffer.from(operation).toString("latin1")]);
      expect(outcome.results).toEqual(["Ok"]);
      expect(own(take(outcome))).toEqual(after);
    });

    it("shows a change at once", async () => {
      const { results } = await perform(["add MAP X-C 4", "get MAP x-c", "remove MAP x-c", "get MAP x-c"]);
      expect(results).toEqual(["Ok", "4", "Ok", "NotFound"]);
    });

    it("counts the bytes of names and values", async () => {
      const { results } = await perform(["pairs MAP", "size MAP"]);
      const sum = pairsIn(results[0]).reduce((size, [name, value]) => size + name.length + value.length, 0);
      expect(results[1]).toBe(String(sum));
    });

    it("sets all pairs", async () => {
      // A message is none without these.
      const needed: Readonly<Record<string, string>> = {
        request: ":method GET :path /set :authority set.test :scheme http x-forwarded-proto http ",
        response: ":status 200 ",
      };
      const outcome = await perform([`set-pairs MAP ${needed[map] ?? ""}x-d 1 X-E 2 x-d 3`]);
      expect(outcome.results).toEqual(["Ok"]);
      expect(own(take(outcome))).toEqual([
        ["x-d", "1"],
        ["x-e", "2"],
        ["x-d", "3"],
      ]);
    });

    it("counts its pairs in the callback's argument", async () => {
      const traced = await player().open({ plugins: ["label p\ntrace"] });
      const { results, trace } = await traced.play([`${callback} text-count ${map}`], give(THREE));
      const entry = trace.find((line) => line.startsWith(`p ${callback}`));
      expect(entry?.split(" ")[2]).toBe(results[0]);
      await traced.close();
    });
  });

  describe("request headers alone", () => {
    it("come in Envoy's order", async () => {
      const [result] = await stage.results(["request-headers pairs request"], {
        path: "/p?q",
        headers: [["X-A", "1"]],
      });
      expect(pairsIn(result).map(([name]) => name)).toEqual([
        ":authority",
        ":path",
        ":method",
        ":scheme",
        "x-a",
        "x-case",
        "x-forwarded-proto",
        "x-request-id",
      ]);
    });

    it.each([
      ["x-forwarded-for", "1.2.3.4,5.6.7.8"],
      ["authorization", "1.2.3.4,5.6.7.8"],
      ["x-forwarded-host", "1.2.3.4,5.6.7.8"],
      ["user-agent", "1.2.3.4,5.6.7.8"],
      ["accept", "1.2.3.4,5.6.7.8"],
    ])("join %s that came twice", async (name, joined) => {
      const { results } = await stage.play(
        [`request-headers get request ${name}`, `request-headers text-get-all request ${name}`],
        {
          headers: [
            [name, "1.2.3.4"],
            [name, "5.6.7.8"],
          ],
        },
      );
      expect(results).toEqual([joined, joined]);
    });

    it.each([
      "cookie",
      "traceparent",
      "tracestate",
      "baggage",
      "x-b3-traceid",
      "forwarded",
      "accept-language",
    ])("keep %s that came twice apart", async (name) => {
      const { results } = await stage.play(
        [`request-headers get request ${name}`, `request-headers text-get-all request ${name}`],
        {
          headers: [
            [name, "a"],
            [name, "b"],
          ],
        },
      );
      expect(results).toEqual(["a", "a|b"]);
    });

    it.each([
      ["authorization", "a,b"],
      ["x-forwarded-for", "a,b"],
      ["cookie", "a|b"],
      ["x-a", "a|b"],
    ])("have what is added to %s joined or apart alike", async (name, all) => {
      const results = await stage.results([
        `request-headers add request ${name} a`,
        `request-headers add request ${name} b`,
        `request-headers text-get-all request ${name}`,
      ]);
      expect(results).toEqual(["Ok", "Ok", all]);
    });

    it("give pseudo-headers", async () => {
      const results = await stage.results(
        [":path", ":method", ":authority", ":scheme", "host"].map(
          (name) => `request-headers get request ${name}`,
        ),
        { path: "/p?q=1", method: "PUT", authority: "h.test:8080" },
      );
      expect(results).toEqual(["/p?q=1", "PUT", "h.test:8080", "http", "h.test:8080"]);
    });

    it("have pseudo-headers replaced", async () => {
      const { upstream, results } = await stage.play([
        "request-headers replace request :path /new?x=1",
        "request-headers replace request :authority new.test",
        "request-headers replace request :method PUT",
        "request-headers pairs request",
      ]);
      expect(upstream?.headers.slice(0, 3)).toEqual([
        [":method", "PUT"],
        [":path", "/new?x=1"],
        [":authority", "new.test"],
      ]);
      expect(pairsIn(results[3]).map(([name]) => name)).toEqual([
        ":scheme",
        ":path",
        ":authority",
        ":method",
        "x-case",
        "x-case",
        "x-case",
        "x-case",
        "x-forwarded-proto",
        "x-request-id",
      ]);
    });

    it("have :authority replaced through host", async () => {
      const { upstream, results } = await stage.play([
        "request-headers replace request host other.test",
        "request-headers get request :authority",
      ]);
      expect(results).toEqual(["Ok", "other.test"]);
      expect(named(upstream?.headers ?? [], ":authority")).toEqual(["other.test"]);
    });

    // Each change has the route chosen anew, and without these there is none.
    it.each([":path", "x-forwarded-proto"])("without %s have no route", async (name) => {
      const { upstream, response, details } = await stage.play([`request-headers remove request ${name}`]);
      expect(upstream).toBeNull();
      expect(response.status).toBe(404);
      expect(details).toBe("route_not_found");
    });

    it("without :method reach nobody", async () => {
      const { upstream, response, details } = await stage.play(["request-headers remove request :method"]);
      expect(upstream).toBeNull();
      expect(response.status).toBe(503);
      expect(text(response.body)).toBe("missing required header: :method");
      expect(details).toBe("filter_removed_required_request_headers{missing_required_header:_:method}");
    });

    it.each([
      ["GET", []],
      ["DELETE", []],
      ["OPTIONS", ["0"]],
      ["POST", ["0"]],
      ["PUT", ["0"]],
    ])("of a %s without a body go on with content-length %j", async (method, length) => {
      const { upstream } = await stage.play([`request-headers replace request :method ${method}`]);
      expect(named(upstream?.headers ?? [], "content-length")).toEqual(length);
    });
  });

  describe("response headers alone", () => {
    it("come in Envoy's order", async () => {
      const [result] = await stage.results(["response-headers pairs response"], {
        reply: { headers: [["X-A", "1"]], body: bytes("b") },
      });
      // The upstream's connection is its own matter.
      expect(
        pairsIn(result)
          .map(([name]) => name)
          .filter((name) => name !== "connection"),
      ).toEqual([":status", "x-a", "content-length", "x-envoy-upstream-service-time"]);
    });

    it.each([
      ["set-cookie", "a|b"],
      ["x-a", "a|b"],
      ["www-authenticate", "a|b"],
      ["cache-control", "a,b"],
      ["vary", "a,b"],
    ])("keep %s that came twice as %s", async (name, all) => {
      const results = await stage.results([`response-headers text-get-all response ${name}`], {
        reply: {
          headers: [
            [name, "a"],
            [name, "b"],
          ],
        },
      });
      expect(results).toEqual([all]);
    });

    it("give and take the status", async () => {
      const { results, response } = await stage.play(
        [
          "response-headers get response :status",
          "response-headers replace response :status 418",
          "response-headers get response :status",
        ],
        { reply: { status: 201 } },
      );
      expect(results).toEqual(["201", "Ok", "418"]);
      expect(response.status).toBe(418);
    });
  });

  describe("maps that are not there", () => {
    const eachWay = (callback: string, map: string): string[] =>
      ["get MAP x-a", "pairs MAP", "size MAP", "add MAP x-c 1", "replace MAP x-c 1", "remove MAP x-c"].map(
        (operation) => `${callback} ${operation.replace("MAP", map)}`,
      );
    const NONE = ["BadArgument", "none", "BadArgument", "BadArgument", "BadArgument", "BadArgument"];

    it.each([
      ["the response's headers", "request-headers", "response"],
      ["the response's trailers", "request-headers", "response-trailers"],
      ["the request's trailers", "request-headers", "request-trailers"],
      ["the request's headers that went on", "request-body-part", "request"],
      ["the request's headers that went on", "response-headers", "request"],
      ["the request's trailers", "response-headers", "request-trailers"],
      ["the response's trailers", "response-headers", "response-trailers"],
      ["the response's headers that went on", "response-body-part", "response"],
      ["a call's headers", "request-headers", "call-response"],
    ])("%s in %s: BadArgument, and no pairs", async (_what, callback, map) => {
      const results = await stage.results(eachWay(callback, map), {
        method: "POST",
        headers: [["x-a", "1"]],
        body: bytes("b"),
        trailers: [["x-a", "1"]],
        reply: { headers: [["x-a", "1"]], body: bytes("b"), trailers: [["x-a", "1"]] },
      });
      expect(results).toEqual(NONE);
    });

    it("no map of this number: BadArgument", async () => {
      expect(await stage.results(eachWay("request-headers", "unknown"))).toEqual(
        NONE.map(() => "BadArgument"),
      );
    });

    it.each([
      ["request", "upstream"],
      ["response", "response"],
    ] as const)("trailers of a %s without any: made at the end of its body", async (way, receiver) => {
      const outcome = await stage.play(
        [
          // Where the body's length is not given, HTTP/1.1 carries trailers.
          `${way}-headers remove ${way} content-length`,
          `${way}-body-end get ${way}-trailers x-a`,
          `${way}-body-end add ${way}-trailers x-a 1`,
          `${way}-body-end get ${way}-trailers x-a`,
        ],
        { method: "POST", body: bytes("b"), reply: { body: bytes("b") } },
      );
      expect(outcome.results).toEqual(["Ok", "BadArgument", "Ok", "1"]);
      expect(outcome[receiver]?.trailers).toEqual([["x-a", "1"]]);
    });

    it("all but the request's trailers can be read while the stream is logged", async () => {
      const results = await stage.results(
        ["request", "request-trailers", "response", "response-trailers"].flatMap((map) => [
          `stream-log get ${map} x-a`,
          `stream-log get ${map} x-c`,
          `stream-log add ${map} x-c 1`,
        ]),
        {
          method: "POST",
          headers: [["x-a", "1"]],
          body: bytes("b"),
          trailers: [["x-a", "2"]],
          reply: { headers: [["x-a", "3"]], body: bytes("b"), trailers: [["x-a", "4"]] },
        },
      );
      expect(results).toEqual([
        ...["1", "NotFound", "BadArgument"],
        ...["NotFound", "NotFound", "BadArgument"],
        ...["3", "NotFound", "BadArgument"],
        ...["4", "NotFound", "BadArgument"],
      ]);
    });

    it("none can be read when the stream is done", async () => {
      const results = await stage.results(
        ["stream-done get request x-a", "stream-done pairs response", "stream-delete get response :status"],
        { headers: [["x-a", "1"]] },
      );
      expect(results).toEqual(["BadArgument", "none", "BadArgument"]);
    });
  });
}
