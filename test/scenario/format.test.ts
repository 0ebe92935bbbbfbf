import { describe, expect, it } from "vitest";
import { parseScenario, ScenarioError } from "./format.ts";

function errorsOf(text: string): readonly string[] {
  try {
    parseScenario(text, "x.yaml");
  } catch (error) {
    if (error instanceof ScenarioError) return error.errors;
    throw error;
  }
  return [];
}

const head = "filter: dark-launch\nconfig: {a: 1}\n";

describe("a scenario file", () => {
  it("is read with its defaults", () => {
    const scenario = parseScenario(`${head}steps:\n- request: {}\n  response: {status: 200}\n`, "x.yaml");
    expect(scenario.plugins).toEqual([{ filter: "dark-launch", configuration: '{"a":1}' }]);
    expect(scenario.reply).toEqual({});
    expect(scenario.steps).toEqual([
      {
        name: "step 1",
        line: 4,
        repeat: 1,
        faults: [],
        calls: [],
        request: { method: "GET", path: "/" },
        response: { status: 200, headers: [], trailers: [] },
        properties: [],
        metrics: [],
      },
    ]);
  });

  it("sends text as UTF-8 bytes and !!binary as it is", () => {
    const text = `${head}steps:\n- request: {headers: {a: é, b: !!binary gP8=, c: [x, ""]}, body: ü}\n`;
    const { request } = parseScenario(text, "x.yaml").steps[0]!;
    expect(request?.headers).toEqual([
      ["a", "\xc3\xa9"],
      ["b", "\x80\xff"],
      ["c", "x"],
      ["c", ""],
    ]);
    expect([...request!.body!]).toEqual([0xc3, 0xbc]);
  });

  it("says who calls: by certificate, by token, by address", () => {
    const text = `${head}steps:
- request: {peer: {uri: "spiffe://td/ns/a/sa/b", dns: [a.test, b.test]}}
- request: {peer: {}}
- request: {claims: {sub: alice, n: 7, groups: [a, null], realm: {x: true}}}
- request: {headers: {X-Forwarded-For: 10.0.0.1}, remoteAddress: "2001:db8::1"}
`;
    expect(parseScenario(text, "x.yaml").steps.map(({ request }) => request)).toEqual([
      { method: "GET", path: "/", peer: { uris: ["spiffe://td/ns/a/sa/b"], dnsNames: ["a.test", "b.test"] } },
      { method: "GET", path: "/", peer: {} },
      {
        method: "GET",
        path: "/",
        claims: { sub: "alice", n: 7, groups: ["a", null], realm: { x: true } },
      },
      {
        method: "GET",
        path: "/",
        headers: [
          ["X-Forwarded-For", "10.0.0.1"],
          ["x-forwarded-for", "2001:db8::1"],
        ],
      },
    ]);
  });

  it("is refused with claims that no verifier takes, and with tokens of its own beside them", () => {
    const text = `${head}steps:
- request: {claims: {iss: 7, aud: [a, 1], exp: 1, jti: ok, x: .inf, y: [!!binary gP8=]}}
- request: {headers: {Authorization: Bearer x}}
- request: {claims: [sub], peer: {uris: a}}
`;
    expect(errorsOf(text)).toEqual([
      "x.yaml:4: steps[0].request.claims.iss: expected text, got the number 7; put it in quotes",
      "x.yaml:4: steps[0].request.claims.aud: expected text, got the number 1; put it in quotes",
      "x.yaml:4: steps[0].request.claims.exp: a scenario's token has no time",
      "x.yaml:4: steps[0].request.claims.x: expected what JSON has",
      "x.yaml:4: steps[0].request.claims.y: expected what JSON has",
      "x.yaml:6: steps[2].request.peer.uris: unknown field; known are uri, dns",
      "x.yaml:6: steps[2].request.claims: expected a mapping, got a list",
      "x.yaml:5: an `authorization` header stands beside no `claims`",
    ]);
  });

  it("tells exact, absent, listed and matched values apart", () => {
    const text = `${head}steps:
- request: {}
  upstream: {headers: {X-A: v, b: null, c: [1st, 2nd], d: {matches: "[0-9a-f]{4}"}}}
  property: {p: null, q: r}
`;
    const step = parseScenario(text, "x.yaml").steps[0]!;
    expect(step.upstream?.headers).toEqual([
      ["x-a", [{ exact: "v" }]],
      ["b", null],
      ["c", [{ exact: "1st" }, { exact: "2nd" }]],
      ["d", [{ matches: /^(?:[0-9a-f]{4})$/s }]],
    ]);
    expect(step.properties).toEqual([
      ["p", null],
      ["q", { exact: "r" }],
    ]);
  });

  it("tells an upstream that must not be reached from one that is not looked at", () => {
    const steps = parseScenario(
      `${head}steps:\n- {request: {}, upstream: null}\n- request: {}\n`,
      "x.yaml",
    ).steps;
    expect(steps.map((step) => step.upstream)).toEqual([null, undefined]);
  });

  it.each([
    ["500ms", 500],
    ["61s", 61_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["1h", 3_600_000],
  ])("reads the duration %s", (text, milliseconds) => {
    expect(parseScenario(`${head}steps:\n- advance: ${text}\n`, "x.yaml").steps[0]?.advance).toBe(
      milliseconds,
    );
  });

  it("gives text that is not JSON to the module as it stands", () => {
    const scenario = parseScenario(`filter: authz\nconfigText: |\n  {"a\nrefused: [JSON]\n`, "x.yaml");
    expect(scenario.plugins).toEqual([{ filter: "authz", configuration: '{"a\n' }]);
    expect(scenario.refused).toEqual(["JSON"]);
  });

  it("has chains, and updates of them by all their plugins", () => {
    const text = `plugins: [{filter: a, config: 1}, {filter: b}]
steps:
- {plugins: [{filter: a, config: 2}, {filter: b}], refused: [no]}
`;
    const scenario = parseScenario(text, "x.yaml");
    expect(scenario.plugins.map(({ configuration }) => configuration)).toEqual(["1", ""]);
    expect(scenario.steps[0]?.update).toEqual({
      plugins: [
        { filter: "a", configuration: "2" },
        { filter: "b", configuration: "" },
      ],
      refused: ["no"],
    });
  });

  it("follows anchors and aliases", () => {
    const text = `${head}steps:\n- request: &r {path: /a}\n- request: *r\n`;
    expect(parseScenario(text, "x.yaml").steps[1]?.request?.path).toBe("/a");
  });

  it.each([
    [
      "unknown fields",
      `${head}steps:\n- request: {paht: /}\n`,
      [/^x\.yaml:4: steps\[0\]\.request\.paht: unknown field; known are method, path/],
    ],
    [
      "numbers where text belongs",
      `${head}steps:\n- request: {headers: {a: 1}}\n`,
      ["x.yaml:4: steps[0].request.headers.a: expected text, got the number 1; put it in quotes"],
    ],
    [
      "a missing filter",
      "steps:\n- request: {}\n",
      ["x.yaml:1: expected `filter` with `config`, or `plugins`"],
    ],
    ["a missing step", head, ["x.yaml:1: steps: expected at least one step"]],
    [
      "a step that does nothing",
      `${head}steps:\n- name: nothing\n`,
      ["x.yaml:4: steps[0]: expected a `request`, an `advance`, a `config`, `clusters` or `metrics`"],
    ],
    [
      "expectations without a request",
      `${head}steps:\n- config: {}\n  details: x\n`,
      ["x.yaml:5: steps[0].details: stands only beside a `request`"],
    ],
    [
      "time that does not pass alone",
      `${head}steps:\n- advance: 1s\n  request: {}\n`,
      ["x.yaml:5: steps[0].request: a step with `advance` does nothing else"],
    ],
    [
      "durations without a unit",
      `${head}steps:\n- advance: 61\n`,
      ["x.yaml:4: steps[0].advance: expected a duration such as 500ms, 61s, 5m or 1h, got the number 61"],
    ],
    [
      "steps after a refused configuration",
      `${head}refused: [x]\nsteps: [{request: {}}]\n`,
      ["x.yaml:4: steps: a refused configuration has no steps"],
    ],
    [
      "both kinds of configuration",
      `${head}configText: x\nsteps: [{request: {}}]\n`,
      ["x.yaml:1: has both `config` and `configText`; give one of the two"],
    ],
    [
      "impossible statuses",
      `${head}steps:\n- {request: {}, response: {status: 1000}}\n`,
      ["x.yaml:4: steps[0].response.status: expected a status from 100 to 599, got the number 1000"],
    ],
    [
      "impossible directions",
      `${head}direction: up\nsteps: [{request: {}}]\n`,
      ['x.yaml:3: direction: expected inbound or outbound, got "up"'],
    ],
    [
      "bad expressions",
      `${head}steps:\n- {request: {}, details: {matches: "("}}\n`,
      [/^x\.yaml:4: steps\[0\]\.details\.matches: not a regular expression/],
    ],
    [
      "aliases that go in circles",
      "filter: dark-launch\nconfig: &a\n  x: *a\nsteps: [{request: {}}]\n",
      [/^x\.yaml:3: config: cannot be JSON: /],
    ],
    ["the same field twice", `${head}filter: x\n`, [/^x\.yaml:3: Map keys must be unique/]],
    [
      "clusters and faults that are none",
      `${head}clusters: {a: {tcp: 1}, b: down, c: {rateLimitService: {domain: d, descriptors: [{key: k, rate_limit: {unit: fortnight}}]}}}
steps:
- {clusters: {z: reset, b: gone}, request: {}, calls: {a: -1}}
`,
      [
        "x.yaml:3: clusters.a.tcp: unknown field; known are rateLimitService, rateLimitResponse, http, grpc",
        'x.yaml:3: clusters.b: expected refuse, or one of rateLimitService, rateLimitResponse, http, grpc; got "down"',
        /^x\.yaml:3: clusters\.c\.rateLimitService\.descriptors\[0\]\.rate_limit/,
        "x.yaml:5: steps[0].clusters.z: no cluster of the scenario has this name",
        'x.yaml:5: steps[0].clusters.b: expected reset, cut, silence, garbage, {status: 13}, {after: 50ms} or null; got "gone"',
        "x.yaml:5: steps[0].calls.a: expected an integer of at least 0, got the number -1",
      ],
    ],
    [
      "statuses that HTTP or gRPC does not have",
      `${head}clusters: {h: {http: {status: 1000}}, g: {grpc: {status: 17}}}
steps:
- {clusters: {h: {status: 13}, g: {status: 0}}, request: {}}
- {clusters: {h: {status: 503}, g: {status: 503}}, request: {}}
`,
      [
        "x.yaml:3: clusters.h.http.status: expected an integer from 100 to 599, got 1000",
        "x.yaml:3: clusters.g.grpc.status: expected an integer from 0 to 16, got 17",
        "x.yaml:5: steps[0].clusters.h.status: expected an integer of at least 100, got the number 13",
        "x.yaml:5: steps[0].clusters.g.status: expected an integer of at least 1, got the number 0",
        "x.yaml:6: steps[1].clusters.g.status: expected an integer from 1 to 16, got 503",
      ],
    ],
    ["what is not YAML", "steps: [", [/^x\.yaml:1: /]],
    ["an empty file", "", [/^x\.yaml:1: expected a mapping, got nothing/]],
  ])("refuses %s, with the line and the path", (_, text, expected) => {
    const errors = errorsOf(text);
    for (const [i, error] of expected.entries()) {
      if (typeof error === "string") expect(errors[i]).toBe(error);
      else expect(errors[i]).toMatch(error);
    }
    expect(errors.length).toBeGreaterThan(0);
  });

  it("tells all errors at once", () => {
    expect(errorsOf(`${head}wat: 1\nsteps:\n- advance: soon\n- request: {x: 1}\n`)).toHaveLength(3);
  });
});
