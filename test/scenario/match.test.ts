import { describe, expect, it } from "vitest";
import type { Exchange } from "../driver.ts";
import { parseScenario, type Step } from "./format.ts";
import { compareExchange, compareMetrics, showBytes, showMismatches } from "./match.ts";

const exchange: Exchange = {
  upstream: {
    headers: [
      [":method", "GET"],
      [":path", "/a"],
      [":authority", "example.test"],
      ["x-variant", "v1"],
      ["x-two", "1"],
      ["x-two", "2"],
      ["x-raw", "\x80\xff"],
    ],
    body: new Uint8Array(),
    trailers: [],
  },
  response: { status: 200, headers: [["X-Id", "00ff"]], body: Buffer.from("hé"), trailers: [["t", "1"]] },
  details: "via_upstream",
  properties: { "outrigger.dark-launch": "dark-launch:beta" },
};

function step(expectation: string): Step {
  const text = `filter: x\nsteps:\n- request: {}\n  ${expectation.replaceAll("\n", "\n  ")}\n`;
  return parseScenario(text, "x.yaml").steps[0]!;
}

const differs = (expectation: string): string => showMismatches(compareExchange(step(expectation), exchange));

describe("comparing an exchange", () => {
  it.each([
    "upstream: {method: GET, path: /a, authority: example.test, headers: {X-Variant: v1, x-none: null, x-two: ['1', '2']}}",
    "upstream: {headers: {x-raw: !!binary gP8=}, body: ''}",
    "response: {status: 200, headers: {x-id: {matches: '[0-9a-f]{4}'}}, body: hé, trailers: {t: '1'}}",
    "details: via_upstream",
    "property: {outrigger.dark-launch: 'dark-launch:beta', outrigger.authz: null}",
  ])("finds nothing where all is as expected: %s", (expectation) => {
    expect(differs(expectation)).toBe("");
  });

  it.each([
    [
      "upstream: {headers: {x-variant: v2}}",
      'upstream.headers.x-variant\n  - expected "v2"\n  + seen     "v1"',
    ],
    [
      "upstream: {headers: {x-variant: null}}",
      'upstream.headers.x-variant\n  - expected absent\n  + seen     "v1"',
    ],
    ["upstream: {headers: {x-none: ''}}", 'upstream.headers.x-none\n  - expected ""\n  + seen     absent'],
    [
      "upstream: {headers: {x-two: '1'}}",
      'upstream.headers.x-two\n  - expected "1"\n  + seen     ["1", "2"]',
    ],
    [
      "upstream: {headers: {x-two: ['2', '1']}}",
      'upstream.headers.x-two\n  - expected ["2", "1"]\n  + seen     ["1", "2"]',
    ],
    [
      "upstream: {headers: {x-raw: é}}",
      'upstream.headers.x-raw\n  - expected "é"\n  + seen     "\\x80\\xff"',
    ],
    ["upstream: {path: /b}", 'upstream.path\n  - expected "/b"\n  + seen     "/a"'],
    ["upstream: null", "upstream\n  - expected not reached\n  + seen     reached: GET /a"],
    ["response: {status: 403}", "response.status\n  - expected 403\n  + seen     200 (via_upstream)"],
    [
      "response: {headers: {x-id: {matches: '[0-9]+'}}}",
      'response.headers.x-id\n  - expected a match of [0-9]+\n  + seen     "00ff"',
    ],
    ["response: {body: h}", 'response.body\n  - expected "h"\n  + seen     "hé"'],
    ["response: {trailers: {t: null}}", 'response.trailers.t\n  - expected absent\n  + seen     "1"'],
    ["details: x", 'details\n  - expected "x"\n  + seen     "via_upstream"'],
    [
      "property: {outrigger.dark-launch: null}",
      'property.outrigger.dark-launch\n  - expected absent\n  + seen     "dark-launch:beta"',
    ],
    ["property: {outrigger.authz: x}", 'property.outrigger.authz\n  - expected "x"\n  + seen     absent'],
  ])("shows both sides of a difference: %s", (expectation, text) => {
    expect(differs(expectation)).toBe(text);
  });

  it("says why the upstream was not reached", () => {
    const denied: Exchange = {
      ...exchange,
      upstream: null,
      response: { ...exchange.response, status: 403 },
      details: "authz:x",
    };
    expect(showMismatches(compareExchange(step("upstream: {path: /a}"), denied))).toBe(
      "upstream\n  - expected reached\n  + seen     not reached; the response is 403 (authz:x)",
    );
  });

  it("takes a metric that was never counted for 0", () => {
    const expected = step("metrics: {a: 0, b: 2, c: 1}");
    expect(compareMetrics(expected, { b: 2, c: 3 })).toEqual([
      { path: "metrics.c", expected: "1", seen: "3" },
    ]);
  });

  it("shows bytes that are no text", () => {
    expect([showBytes("\x80"), showBytes("a\r\n"), showBytes("\xc3\xa9")]).toEqual([
      '"\\x80"',
      '"a\\x0d\\x0a"',
      '"é"',
    ]);
  });
});
